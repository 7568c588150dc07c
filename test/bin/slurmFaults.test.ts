/** Faults of a real Slurm cluster: daemons killed at bad moments, full disks, time limits, jobs that can't start. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { findCheckpoints, puppet, type Rig, waitFor } from "../rig/Rig.ts";
import { canHaveCluster } from "../rig/SlurmCluster.ts";
import { siteSettings, slurmTests } from "../rig/slurmTests.ts";

const single = (call: string, does: ReadonlyArray<string>): string => `name: single
stages:
  a: { use: command, with: { run: ${puppet(call, { does: does.join("; ") })} } }
`;

const waiting = single("a", [waitFor("go")]);

/** Saves a checkpoint when it is told to stop; the attempt that finds one comes to its end. */
const stoppable = single("a", [
  ...findCheckpoints,
  "trap 'touch $saved/step-1; exit 143' TERM",
  "touch ready",
  "while ! [ -e $saved/step-1 ]; do sleep 0.02; done",
]);

/** Tries to write a checkpoint late, and says if it could not. */
const orphaned = single("a", [
  ...findCheckpoints,
  "call=$(grep -c a calls)",
  "touch $saved/step-$call",
  waitFor("save"),
  "touch $saved/late-$call || echo $call >> refused",
  "ls $saved >> seen || true",
  waitFor("go"),
]);

const lines = (rig: Rig, name: string): ReadonlyArray<string> =>
  rig.has(name) ? rig.read(name).trim().split("\n") : [];

describe.skipIf(!canHaveCluster)("on Slurm", () => {
  const { cluster, start, startUntil, succeeds, onCluster } = slurmTests();

  /** The one job in squeue's format. */
  const told = (format: string): string => cluster().ask("squeue", "-h", "-o", format).trim();

  it(
    "a job that is stopped before its time limit is submitted again, and continues",
    onCluster(stoppable, async (rig, submissions) => {
      const run = start(rig);
      await rig.until("the trap", () => rig.has("ready"));
      // what `--signal=B:TERM@60` does, which takes a minute
      cluster().ask("scancel", "--batch", "--signal=TERM", told("%A"));
      const { code, stderr } = await run.ended;
      assert.strictEqual(code, 0, stderr);
      assert.match(
        stderr,
        /attempt 1 failed \(infrastructure: .*told to stop.*near its time limit/u,
      );
      assert.strictEqual(submissions(), 2);
    }),
  );

  it(
    "a job on a node that lost contact can't write to the checkpoints of its successor",
    onCluster(orphaned, async (rig, submissions) => {
      const run = await startUntil(rig, 1);
      const node = told("%N");
      cluster().signal(node, "SIGKILL");
      await rig.until("another node takes over", () => rig.calls.length === 2);
      rig.write("save", "");
      await rig.until(
        "both tried to save",
        () => lines(rig, "seen").length > 0 && rig.has("refused"),
      );
      rig.write("go", "");
      await succeeds(run);
      assert.deepStrictEqual(lines(rig, "refused"), ["1"]);
      assert.deepStrictEqual(lines(rig, "seen"), ["late-2", "step-1", "step-2"]);
      assert.strictEqual(submissions(), 2);
      cluster().restart(node);
      await rig.until("the node is back", () =>
        cluster().ask("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").includes(node),
      );
    }),
  );

  it(
    "a killed slurmstepd hides no result",
    onCluster(waiting, async (rig, submissions) => {
      const run = await startUntil(rig, 1);
      const [job, node] = told("%A %N").split(" ");
      assert.strictEqual(killStep(job!), 1);
      rig.write("go", "");
      await succeeds(run);
      assert.strictEqual(submissions(), 1);
      // Slurm calls the job running until its node is given up
      const update = (state: string) =>
        cluster().ask("scontrol", "update", `NodeName=${node}`, state, "Reason=test");
      update("State=DOWN");
      try {
        update("State=RESUME");
      } catch {
        // the node has registered again by itself
      }
    }),
  );

  it(
    "a job that fills the disk of the store fails with that reason, once",
    onCluster(single("a", ["head -c 64M /dev/zero > {out}/big"]), async (rig, submissions) => {
      const store = rig.path("small");
      fs.mkdirSync(store);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", store]);
      try {
        const words = ["run", "e.yaml", "--executor", "slurm"];
        const { code, stderr } = await rig.start(words, {
          ...cluster().environment,
          PIPE_HOME: store,
        }).ended;
        assert.notStrictEqual(code, 0);
        assert.include(stderr, "disk is full");
        assert.strictEqual(submissions(), 1);
      } finally {
        execFileSync("umount", ["-l", store]);
      }
    }),
  );

  it(
    "a full place for temporary files stops only the job that needs it, with its own words",
    onCluster(
      `name: e
stages:
  frugal: { use: command, with: { run: ${puppet("frugal", { does: "true" })} } }
  sorting: { use: command, with: { run: "head -c 4M /dev/zero > $(mktemp) && echo > {out}/x" } }
`,
      async (rig, submissions) => {
        const full = rig.path("tmp");
        fs.mkdirSync(full);
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", full]);
        try {
          // as a node's prolog sets it: nothing of the submitting machine's TMPDIR reaches a node
          const flags = `{ flags: ["--export=ALL,TMPDIR=${full}"],`;
          rig.write("pipe.yaml", siteSettings.replace("{", flags));
          const { code, stderr } = await start(rig, "--keep-going").ended;
          assert.strictEqual(code, 1, stderr);
          assert.match(stderr, /✓ frugal/u);
          assert.include(stderr, "No space left on device");
          assert.notInclude(stderr, "the store's disk is full");
          assert.isAtMost(submissions(), 2);
        } finally {
          execFileSync("umount", ["-l", full]);
        }
      },
    ),
  );

  it(
    "a held job says how to release it, and one that can never start fails",
    onCluster(single("a", ["true"]), async (rig) => {
      rig.write("pipe.yaml", siteSettings.replace("{", "{ flags: [--hold],"));
      const held = start(rig, "--json");
      let said = "";
      held.child.stdout?.on("data", (text: string) => (said += text));
      await rig.until("it is held", () => said.includes("scontrol release"));
      cluster().ask("scontrol", "release", told("%A"));
      await succeeds(held);

      const failing = cluster()
        .ask("sbatch", "--parsable", "--output=/dev/null", "--wrap=false")
        .trim();
      rig.write(
        "pipe.yaml",
        siteSettings.replace("{", `{ flags: ["--dependency=afterok:${failing}"],`),
      );
      const { code, stderr } = await start(rig, "--force", "a").ended;
      assert.strictEqual(code, 1);
      assert.include(stderr, "can never start: DependencyNeverSatisfied");
    }),
  );
});

/** Kills the daemons that watch over a job on its node, and returns their number. */
const killStep = (job: string): number => {
  let killed = 0;
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/u.test(name))) {
    try {
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (!command.startsWith(`slurmstepd: [${job}.`)) continue;
      process.kill(Number(pid), "SIGKILL");
      killed += 1;
    } catch {
      // it ended meanwhile
    }
  }
  return killed;
};
