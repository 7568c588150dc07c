/** Interrupts, kills, crashes and concurrent runs: no process survives, no result is lost, no work is repeated. */
import { assert, describe, it } from "@effect/vitest";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { root } from "../rig/build.ts";
import { inRig, jsonLines, puppet, type Rig, waitFor } from "../rig/Rig.ts";

const chain = `name: chain
axes: { x: [1, 2, 3], y: [1, 2] }
stages:
  a: { use: command, with: { run: ${puppet("a", { value: "a", does: "sleep 0.05" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b${x}", { value: "$(cat {in.a}/value) ${x}", does: "sleep 0.0${x}" })} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet("c${x}${y}", { value: "$(cat {in.b}/value) ${y}", does: "head -c 300000 /dev/zero > {out}/big; sleep 0.02" })} } }
  d: { use: command, from: { c: { all: c } }, with: { run: ${puppet("d", { value: "$(cat {in.c}/*/value)" })} } }
`;

/** Ignores SIGTERM and SIGINT, and leaves a grandchild in its own session that ignores them, too. */
const stubborn = `name: stubborn
stages:
  a: { use: command, with: { run: ${puppet("a", {
    does: [
      `trap '' TERM INT HUP`,
      `(setsid sh -c 'trap "" TERM INT HUP; echo daemon >> calls; while :; do sleep 1; done' > /dev/null 2>&1 &)`,
      "while :; do sleep 1; done",
    ].join("; "),
  })} } }
`;

const noSurvivors = (rig: Rig) => rig.until("no process is left", () => rig.survivors.length === 0);

describe("kill -9", () => {
  it(
    "ends even jobs that ignore signals and leave the session",
    inRig(async (rig) => {
      rig.write("e.yaml", stubborn);
      const { child, ended } = rig.start(["run", "e.yaml"]);
      await rig.until("the daemon is up", () => rig.calls.includes("daemon"));
      child.kill("SIGKILL");
      await ended;
      await noSurvivors(rig);
    }),
  );
});

/** Runs the experiment in a terminal, closes the terminal once the puppet runs, and returns how the run ended. */
const closedTerminal = `
import os, pty, sys, time
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], [sys.argv[1], "run", "e.yaml"])
while not os.path.exists("calls"):
    time.sleep(0.02)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;

describe("an interrupt", () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 130],
    ["SIGHUP", 130],
  ] as const) {
    it(
      `(${signal}) ends the run with ${code}, says so, keeps finished work, and leaves no process`,
      inRig(async (rig) => {
        rig.write(
          "e.yaml",
          `name: e
stages:
  a: { use: command, with: { run: ${puppet("a")} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { does: `[ -e go ] || sleep 100` })} } }
`,
        );
        const { child, ended } = rig.start(["run", "e.yaml"]);
        await rig.until("b runs", () => rig.calls.includes("b"));
        child.kill(signal);
        const result = await ended;
        assert.strictEqual(result.code, code, result.stderr);
        assert.match(result.stderr, /b +interrupted; it has no checkpoint to continue from/u);
        const { stdout: status } = await rig.pipe("status");
        assert.match(status, /b +interrupted; it has no checkpoint to continue from, files in/u);
        assert.include(result.stderr, "npx pipe run e.yaml");
        assert.deepStrictEqual(rig.survivors, []);
        rig.newCalls();
        rig.write("go", "");
        assert.deepStrictEqual(await rig.made("e.yaml"), ["b"]);
      }),
    );
  }

  it(
    "also follows from a closed terminal",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does: "sleep 100" })} } } }\n`,
      );
      const { stdout } = spawnSync("python3", ["-c", closedTerminal, path.join(root, "bin/pipe")], {
        cwd: rig.directory,
        encoding: "utf8",
      });
      assert.strictEqual(stdout, "130\n");
      const [run] = jsonLines((await rig.pipe("runs", "--json")).stdout);
      assert.strictEqual(run?.["state"], "interrupted");
    }),
  );

  it(
    "does not reach a run under nohup whose terminal closes",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does: waitFor("go") })} } } }\n`,
      );
      const child = spawn("nohup", [path.join(root, "bin/pipe"), "run", "e.yaml"], {
        cwd: rig.directory,
        stdio: "ignore",
      });
      const ended = once(child, "exit");
      await rig.until("a runs", () => rig.calls.includes("a"));
      child.kill("SIGHUP");
      // A signal has taken effect before the next command ends.
      const [run] = jsonLines((await rig.pipe("runs", "--json")).stdout);
      rig.write("go", "");
      assert.deepStrictEqual(await ended, [0, null]);
      assert.strictEqual(run?.["state"], "running");
    }),
  );

  it(
    "ends even jobs that ignore signals and leave the session, in order",
    inRig(async (rig) => {
      rig.write("e.yaml", stubborn);
      const { child, ended } = rig.start(["run", "e.yaml", "--json"]);
      await rig.until("the daemon is up", () => rig.calls.includes("daemon"));
      child.kill("SIGINT");
      const { code, stdout } = await ended;
      assert.strictEqual(code, 130);
      assert.deepStrictEqual(rig.survivors, []);
      const tags = jsonLines(stdout).map((event) => event["_tag"]);
      assert.deepStrictEqual(tags.slice(-2), ["NodeInterrupted", "RunFinished"]);
    }),
  );
});

/** Starts a run, and returns when it waits for another run's node. */
const startWaiting = async (rig: Rig) => {
  const second = rig.start(["run", "e.yaml", "--json"]);
  let output = "";
  second.child.stdout?.on("data", (text: string) => (output += text));
  await rig.until("the second waits", () => output.includes("NodeWaiting"));
  return { second, said: () => output };
};

describe("concurrent runs on one store", () => {
  it(
    "make each node once, even on a store that does not exist yet",
    inRig(async (rig) => {
      rig.write("e.yaml", chain);
      const results = await Promise.all([1, 2, 3, 4].map(() => rig.pipe("run", "e.yaml")));
      for (const { code, stderr } of results) assert.strictEqual(code, 0, stderr);
      const calls = rig.newCalls();
      const all = ["a", "b1", "b2", "b3", "c11", "c12", "c21", "c22", "c31", "c32", "d"];
      assert.deepStrictEqual(calls, all);
      const runs = fs.readdirSync(rig.path(".pipe/runs")).toSorted();
      assert.deepStrictEqual(runs, ["chain-1", "chain-2", "chain-3", "chain-4"]);
    }),
  );

  it(
    "the second names the run it waits for, and takes over when that is killed",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does: waitFor("go") })} } } }\n`,
      );
      const first = rig.start(["run", "e.yaml"]);
      await rig.until("the first runs", () => rig.calls.length === 1);
      const { second, said } = await startWaiting(rig);
      assert.include(said(), `process ${first.child.pid} on`);
      first.child.kill("SIGKILL");
      await first.ended;
      await rig.until("the second runs", () => rig.calls.length === 2);
      rig.write("go", "");
      assert.strictEqual((await second.ended).code, 0);
      assert.deepStrictEqual(await rig.filesOf("a"), { value: "a\n" });
    }),
  );

  it(
    "a process that was frozen while another took its work over can't commit when it wakes",
    inRig(async (rig) => {
      // the second clears the first's attempt away, and a program that writes again makes it anew
      const does = `call=$(grep -c a calls); ${waitFor("go$call")}; mkdir -p {out}`;
      const run = puppet("a", { does, value: "of call $call" });
      rig.write("e.yaml", `name: e\nstages: { a: { use: command, with: { run: ${run} } } }\n`);
      const frozen = rig.start(["run", "e.yaml"]);
      await rig.until("the first runs", () => rig.calls.length === 1);
      frozen.child.kill("SIGSTOP");
      // on one host the kernel keeps its lock; a server of NFS drops that of a client that was silent for a lease
      fs.rmSync(rig.path(".pipe/owners"), { recursive: true });
      const second = rig.start(["run", "e.yaml"]);
      await rig.until("the second runs", () => rig.calls.length === 2);
      rig.write("go2", "");
      assert.strictEqual((await second.ended).code, 0);
      rig.write("go1", "");
      frozen.child.kill("SIGCONT");
      const { code, stderr } = await frozen.ended;
      assert.strictEqual(code, 4, stderr);
      assert.include(stderr, "took over a claim of this process");
      assert.deepStrictEqual(await rig.filesOf("a"), { value: "of call 2\n" });
      assert.deepStrictEqual(await rig.due("e.yaml"), []);
    }),
  );

  it(
    "the second retries a node that failed in the first",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does: `${waitFor("go")}; [ -e fixed ] || { touch fixed; exit 1; }` })} } } }\n`,
      );
      const first = rig.start(["run", "e.yaml"]);
      await rig.until("the first runs", () => rig.calls.length === 1);
      const { second } = await startWaiting(rig);
      rig.write("go", "");
      assert.strictEqual((await first.ended).code, 1);
      assert.strictEqual((await second.ended).code, 0);
      assert.strictEqual(rig.calls.length, 2);
    }),
  );
});
