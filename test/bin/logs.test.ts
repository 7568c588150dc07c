/** `pipe logs` of nodes that run, have ended, were retried, killed, or made by an earlier run. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { inRig, puppet, type Rig, waitFor } from "../rig/Rig.ts";
import { root } from "../rig/build.ts";

const gated = `name: gated
axes: { x: [one, two] }
stages:
  a: { use: command, with: { run: ${puppet("a", { does: `echo first; ${waitFor("go")}; echo last; test -e broken && exit 3` })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { does: "echo from b ${x}" })} } }
`;

/** Waits until a has written its first line. */
const firstLine = (rig: Rig): Promise<void> =>
  rig.until("the first line", () =>
    fs
      .globSync(rig.path(".pipe/work/*/*/log"))
      .some((log) => fs.readFileSync(log, "utf8").includes("first\n")),
  );

/** A run in which a has written its first line. */
const startGated = async (rig: Rig) => {
  rig.write("e.yaml", gated);
  const run = rig.start(["run", "e.yaml"]);
  await firstLine(rig);
  return run;
};

/** Follows, and waits for the first line. */
const follow = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const following = rig.start(["logs", "-f", ...args]);
  let seen = "";
  following.child.stdout?.on("data", (text: string) => (seen += text));
  await rig.until("the first line is shown", () => seen.includes("first\n"));
  return { ...following, seen: () => seen };
};

describe("the log of a running node", () => {
  it(
    "is printed as far as it is written; -f prints the rest and ends with the node",
    inRig(async (rig) => {
      const run = await startGated(rig);
      const sofar = await rig.pipe("logs", "a");
      assert.deepStrictEqual([sofar.code, sofar.stdout], [0, "first\n"]);
      assert.include(sofar.stderr, "a is running; -f follows it");
      const following = await follow(rig, "a");
      rig.write("go", "");
      const { code, stdout, stderr } = await following.ended;
      assert.deepStrictEqual([code, stdout], [0, "first\nlast\n"]);
      assert.match(stderr, /^a of gated-1 was made in /mu);
      await run.ended;
      const kept = await rig.pipe("logs", "gated-1/a");
      assert.strictEqual(kept.stdout, "first\nlast\n");
    }),
  );

  it(
    "is waited for with -f",
    inRig(async (rig) => {
      const run = await startGated(rig);
      const early = await rig.pipe("logs", "b[x=two]");
      assert.deepStrictEqual([early.code, early.stdout], [0, ""]);
      assert.include(early.stderr, "b[x=two] has not started");
      const following = rig.start(["logs", "b[x=two]", "-f"]);
      rig.write("go", "");
      const { code, stdout } = await following.ended;
      assert.deepStrictEqual([code, stdout], [0, "from b two\n"]);
      await run.ended;
    }),
  );

  it(
    "ends with a sentence when its run is killed, and when it fails",
    inRig(async (rig) => {
      const run = await startGated(rig);
      const following = await follow(rig, "a", "--run", "gated-1");
      run.child.kill("SIGKILL");
      const killed = await following.ended;
      assert.deepStrictEqual([killed.code, killed.stdout], [0, "first\n"]);
      assert.include(killed.stderr, "gated-1 was killed while a was running");
      const after = await rig.pipe("logs", "a");
      assert.strictEqual(after.stdout, "first\n");
      assert.include(after.stderr, "gated-1 was killed while a was running");

      rig.write("go", "");
      rig.write("broken", "");
      assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 1);
      const failed = await rig.pipe("logs", "-f", "a");
      assert.strictEqual(failed.stdout, "first\nlast\n");
      assert.include(failed.stderr, "the command ended with exit code 3");
      assert.include((await rig.pipe("logs", "b[x=one]")).stderr, "b[x=one] was skipped: a failed");
      const gone = await rig.pipe("logs", "gated-1/a");
      assert.strictEqual(gone.stdout, "");
      assert.include(gone.stderr, "its log is gone, because the node was started again since");
    }),
  );

  it(
    "continues over retries",
    inRig(async (rig) => {
      const does = `echo first; test -e tried || { ${waitFor("go")}; touch tried; exit 75; }; echo second`;
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, retry: { wait: "10 millis", exit_codes: [75] }, with: { run: ${puppet("a", { does })} } } }\n`,
      );
      const run = rig.start(["run", "e.yaml"]);
      await firstLine(rig);
      const following = await follow(rig, "a");
      rig.write("go", "");
      const { code, stdout, stderr } = await following.ended;
      assert.deepStrictEqual([code, stdout], [0, "first\nfirst\nsecond\n"]);
      assert.match(stderr, /attempt 1 failed \(infrastructure: .*exit code 75/u);
      assert.match(stderr, /a of e-1 was made/u);
      await run.ended;
    }),
  );
});

it(
  "the log of a cached node is that of the run that made it",
  inRig(async (rig) => {
    rig.write("e.yaml", gated);
    rig.write("go", "");
    await rig.made("e.yaml");
    await rig.made("e.yaml");
    const { stdout, stderr } = await rig.pipe("logs", "b[x=one]");
    assert.strictEqual(stdout, "from b one\n");
    assert.include(stderr, "b[x=one] was cached when gated-2 began");
    assert.include(stderr, "made by gated-1");
    fs.rmSync(rig.path(".pipe/runs/gated-1"), { recursive: true });
    const gone = await rig.pipe("logs", "b[x=one]");
    assert.deepStrictEqual([gone.code, gone.stdout], [0, ""]);
    assert.include(gone.stderr, "the run that made it is no longer in the store");
  }),
);

it(
  "an unknown name gives the nearest valid name and exit code 2",
  inRig(async (rig) => {
    assert.strictEqual((await rig.pipe("logs", "a")).code, 2);
    rig.write("e.yaml", gated);
    rig.write("go", "");
    await rig.made("e.yaml");
    for (const [args, message] of [
      [["b[x=oen]"], "did you mean `b[x=one]`?"],
      [["gated-2/a"], "did you mean `gated-1`?"],
      [["a", "--run", "gatet-1"], "did you mean `gated-1`?"],
      [["b"], "has 2 points; name one, such as `b[x=one]`"],
    ] as const) {
      const { code, stdout, stderr } = await rig.pipe("logs", ...args);
      assert.deepStrictEqual([code, stdout], [2, ""], args.join(" "));
      assert.include(stderr, message);
    }
  }),
);

it(
  "a terminal gets escaped text, a file gets the bytes",
  inRig(async (rig) => {
    rig.write(
      "e.yaml",
      `name: e\nstages: { a: { use: command, with: { run: "printf '\\\\033[2Jhidden\\\\r\\\\nλ\\\\377\\\\n'", empty: allowed } } }\n`,
    );
    await rig.made("e.yaml");
    const bin = path.join(root, "bin/pipe");
    const options = { cwd: rig.directory };
    const raw = execFileSync(bin, ["logs", "a"], {
      ...options,
      stdio: ["ignore", "pipe", "ignore"],
    });
    assert.strictEqual(raw.toString("latin1"), "\u001B[2Jhidden\r\n\u00CE\u00BB\u00FF\n");
    const spawn = `import pty, sys; pty.spawn([${JSON.stringify(bin)}, "logs", "a"])`;
    const shown = execFileSync("python3", ["-c", spawn], { ...options, encoding: "utf8" });
    assert.notInclude(shown, "\u001B[2J");
    assert.include(shown, "\\x1b[2Jhidden");
    assert.include(shown, "λ");
  }),
);
