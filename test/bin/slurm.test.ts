/** Runs on a real Slurm cluster, through the command line: one submission whatever is killed, and nothing left behind. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { inRig, puppet, waitFor } from "../rig/Rig.ts";
import { isLong } from "../rig/isLong.ts";
import { canHaveCluster } from "../rig/SlurmCluster.ts";
import { siteSettings, slurmTests } from "../rig/slurmTests.ts";

const sweep = (points: number): string => `name: sweep
axes: { n: [${[...Array(points).keys()].join(", ")}] }
stages:
  a: { use: command, with: { run: ${puppet("a${n}")} } }
`;

/** One node that ends when the file \`go\` is there. */
const waiting = `name: waiting
stages:
  a: { use: command, with: { run: ${puppet("a", { does: waitFor("go") })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "$(cat {in.a}/value) b" })} } }
`;

/** Both nodes meet: the second sends its rank to the first, which leaves what it heard. */
const meet = `import os, socket
rank, place = os.environ["NODE_RANK"], (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == "0":
    server = socket.create_server(("", place[1]))
    print("0 of", os.environ["NNODES"], "met", server.accept()[0].makefile().read())
while rank != "0":
    try:
        with socket.create_connection(place) as connection:
            connection.sendall(rank.encode())
            print(rank, "on", os.environ["SLURMD_NODENAME"])
            break
    except ConnectionRefusedError:
        pass
`;

const onTwoNodes = `name: nodes
stages:
  a: { use: command, resources: { nodes: 2 }, with: { run: "python3 meet.py > {out}/$NODE_RANK", sources: [meet.py] } }
`;

/** A Python that runs a job as on a node with a wrong clock, whose file system shows the output 3 s after the end. */
const latePython = `#!/usr/bin/env python3
import os, sys, time
sys.path.insert(0, os.path.dirname(sys.argv[3]))
import slurm_job
touch, write_end = os.utime, slurm_job.EndFile.write
os.utime = lambda path: touch(path, (time.time() - 86400,) * 2)
def write_late(file, content):
    os.chdir(os.path.dirname(file.path))
    os.rename("out", "../hidden")
    os.mkdir("out")
    write_end(file, content)
    time.sleep(3)
    os.rmdir("out")
    os.rename("../hidden", "out")
slurm_job.EndFile.write = write_late
slurm_job.machine_facts = lambda with_gpus: {"cpu": "of the node"}
slurm_job.main(*sys.argv[4:])
`;

const study = `name: study
stages:
  data: { use: render, with: { task: { kind: graph-coloring, vertices: 4 }, splits: { train_sft: 40, test: 4 }, seed: 1 } }
  cot: { use: distill, from: { data: data } }
  model: { use: sft, from: { data: cot }, with: { loss: { kind: token }, steps: 2, batch: 4, seed: 0 } }
`;

describe.skipIf(!canHaveCluster)("on Slurm", () => {
  const { cluster, start, startUntil, succeeds, onCluster } = slurmTests();

  it(
    "200 ready nodes are one submission",
    onCluster(sweep(200), async (rig, submissions) => {
      await succeeds(start(rig));
      assert.strictEqual(new Set(rig.calls).size, 200);
      assert.strictEqual(rig.calls.length, 200);
      assert.strictEqual(submissions(), 1);
    }),
  );

  it(
    "200 jobs are polled as often as 10 jobs",
    onCluster(sweep(10), async (rig) => {
      // held jobs change no state, so nothing but their number could make a difference
      rig.write("pipe.yaml", "slurm: { flags: [--hold] }\n");
      rig.write("f.yaml", sweep(200).replaceAll("a${n}", "b${n}"));
      const submitted = cluster().calls("sbatch");
      const few = start(rig);
      await rig.until("10 are submitted", () => cluster().calls("sbatch") === submitted + 1);
      const many = rig.start(["run", "f.yaml", "--executor", "slurm"], cluster().environment);
      await rig.until("all are submitted", () => cluster().calls("sbatch") === submitted + 2);
      const [ofFew, ofMany] = cluster()
        .wordsOf("sbatch")
        .slice(submitted)
        .map((words) => /--job-name=(\S+)/u.exec(words)?.[1] ?? "");
      const polls = (name = "") =>
        cluster()
          .wordsOf("squeue")
          .filter((words) => words.includes(`-t all -n ${name} `)).length;
      // the time between two polls grows to 30 s, so seven are most of a minute
      await rig.until("both are polled", () => polls(ofFew) >= 7);
      assert.closeTo(polls(ofMany), polls(ofFew), 1);
      few.child.kill("SIGINT");
      many.child.kill("SIGINT");
      await Promise.all([few.ended, many.ended]);
    }),
  );

  it(
    "kill -9 of pipe leaves the job, and the next run attaches to it",
    onCluster(waiting, async (rig, submissions) => {
      const first = await startUntil(rig, 1);
      first.child.kill("SIGKILL");
      await first.ended;
      const local = await rig.pipe("run", "e.yaml");
      assert.strictEqual(local.code, 1);
      assert.match(local.stderr, /Slurm job \d+_0 is at work/u);
      assert.strictEqual((await rig.pipe("gc", "--delete")).code, 0, "and keeps its work");
      const second = start(rig);
      rig.write("go", "");
      await succeeds(second);
      assert.deepStrictEqual(rig.calls, ["a", "b"]);
      assert.strictEqual(submissions(), 2, "one for each node");
      assert.deepStrictEqual(await rig.filesOf("b"), { value: "a b\n" });
    }),
  );

  it(
    "a job that was submitted while pipe died, before it heard the id, is found by its name",
    onCluster(waiting, async (rig, submissions) => {
      rig.write("go", "");
      cluster().wrap("sbatch", '"$real" "$@" > /dev/null; kill -KILL $PPID; exit 1');
      assert.notStrictEqual((await start(rig).ended).code, 0);
      cluster().wrap("sbatch", "");
      await succeeds(start(rig));
      assert.deepStrictEqual(rig.calls, ["a", "b"]);
      assert.strictEqual(submissions(), 2);
    }),
  );

  it(
    "an sbatch that times out and has submitted is found by its name",
    onCluster(waiting, async (rig, submissions) => {
      rig.write("go", "");
      const failOnce = `[ -e ${rig.path("failed")} ] || { touch ${rig.path("failed")}; "$real" "$@" > /dev/null; echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1; }`;
      cluster().wrap("sbatch", failOnce);
      await succeeds(start(rig));
      assert.deepStrictEqual(rig.calls, ["a", "b"]);
      assert.strictEqual(submissions(), 2);
    }),
  );

  it(
    "Ctrl-C cancels; with --detach it leaves the job, and a later run attaches",
    onCluster(waiting, async (rig, submissions) => {
      const first = await startUntil(rig, 1);
      first.child.kill("SIGINT");
      const cancelled = await first.ended;
      assert.strictEqual(cancelled.code, 130);
      assert.match(cancelled.stderr, /a +interrupted; it has no checkpoint/u);
      // the job's files say that it ended, some milliseconds before Slurm does
      await rig.until("the task is cancelled", () => cluster().active === 0);
      const second = await startUntil(rig, 2, "--detach");
      second.child.kill("SIGINT");
      assert.match((await second.ended).stderr, /a +interrupted; its job stays on the cluster/u);
      assert.strictEqual(cluster().active, 1);
      rig.write("go", "");
      await succeeds(start(rig));
      assert.deepStrictEqual(rig.calls, ["a", "a", "b"]);
      assert.strictEqual(submissions(), 3);
    }),
  );

  it(
    "a job that somebody cancels fails with that reason, and a dead slurmctld hides no result",
    onCluster(waiting, async (rig) => {
      const first = await startUntil(rig, 1);
      cluster().ask("scancel", "--user=root");
      const failed = await first.ended;
      assert.strictEqual(failed.code, 1);
      assert.include(failed.stderr, "was cancelled by somebody");
      const second = await startUntil(rig, 2, "--only", "a");
      await rig.until("the running job is saved", cluster().whenSaved());
      cluster().signal("slurmctld", "SIGKILL");
      rig.write("go", "");
      await second.ended;
      cluster().restart("slurmctld");
      await succeeds(second);
      await rig.until("slurmctld is back", () => cluster().isUp);
      await rig.until("no task is left", () => cluster().active === 0);
    }),
  );

  it(
    "results that show late, from a node with a wrong clock, are waited for",
    onCluster(waiting, async (rig, submissions) => {
      rig.write("late-python", latePython);
      fs.chmodSync(rig.path("late-python"), 0o755);
      rig.write(
        "pipe.yaml",
        siteSettings
          .replace("{", `{ python: ${rig.path("late-python")},`)
          .replace("patience_seconds: 8", "patience_seconds: 60"),
      );
      rig.write("go", "");
      await succeeds(start(rig));
      assert.deepStrictEqual(await rig.filesOf("b"), { value: "a b\n" });
      assert.strictEqual(submissions(), 2, "and not taken for failures");
      const shown = await rig.pipe("show", "--json", "b");
      assert.include(shown.stdout, '"cpu":"of the node"', "which machine it was, the node says");
    }),
  );

  it(
    "a job of two nodes runs on both, which find each other",
    onCluster(onTwoNodes, async (rig, submissions) => {
      rig.write("meet.py", meet);
      await succeeds(start(rig));
      const files = await rig.filesOf("a");
      assert.deepStrictEqual(files["0"], "0 of 2 met 1\n");
      assert.match(files["1"]!, /^1 on n[12]$/mu);
      assert.strictEqual(submissions(), 1);
      rig.write("e.yaml", onTwoNodes.replace("nodes: 2", "nodes: 3").replace("$NODE", "of$NODE"));
      const { code, stderr } = await start(rig).ended;
      assert.strictEqual(code, 2);
      assert.include(stderr, "`a` needs 3 nodes; the cluster has 2 nodes");
    }),
  );

  it(
    "doctor sends a job and says what nodes see; a demand that no node has is refused at its place",
    onCluster(sweep(1), async (rig, submissions) => {
      const { environment } = cluster();
      const doctor = await rig.start(["doctor", "--executor", "slurm"], environment).ended;
      assert.match(doctor.stdout, /✓ slurm +a job ran on \S+; it sees the project, the store/u);
      rig.write("e.yaml", sweep(1).replace("a: {", "a: { resources: { gpus: 3 },"));
      const { code, stderr } = await start(rig).ended;
      assert.strictEqual(code, 2);
      assert.include(stderr, "e.yaml:4:");
      assert.include(stderr, "`a` needs 3 GPUs; the largest node of the cluster has 2 GPUs");
      assert.strictEqual(submissions(), 1, "the doctor's");
    }),
  );

  // two imports of PyTorch take longer than all other tests here
  it.skipIf(!isLong)(
    "gives the bytes of a local run",
    onCluster(study, async (rig) => {
      const environment = { XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? "" };
      const local = await rig.start(["run", "e.yaml"], environment).ended;
      assert.strictEqual(local.code, 0, local.stderr);
      const digest = async () => (await rig.pipe("show", "--json", "model")).stdout;
      const before = JSON.parse(await digest()) as { artifact: { digest: string } };
      fs.renameSync(rig.path(".pipe"), rig.path("local-store"));
      await succeeds(start(rig));
      const after = JSON.parse(await digest()) as { artifact: { digest: string } };
      assert.strictEqual(after.artifact.digest, before.artifact.digest);
    }),
  );
});

describe("pipe.yaml", () => {
  it(
    "has every error reported at its place, before anything is written",
    inRig(async (rig) => {
      rig.write("e.yaml", waiting);
      rig.write("pipe.yaml", "executor: slrum\nslurm:\n  partion: gpu\n  time: long\n");
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 2);
      for (const part of [
        "pipe.yaml:1:",
        "did you mean `slurm`",
        "pipe.yaml:3:3",
        "`partition`",
        "pipe.yaml:4:9",
      ])
        assert.include(stderr, part);
      assert.isFalse(rig.has(".pipe"));
      rig.write("pipe.yaml", "slurm: { local: [sfft] }\n");
      assert.include((await rig.pipe("run", "e.yaml")).stderr, "did you mean `sft`?");
    }),
  );
});
