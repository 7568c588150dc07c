/** Interrupts, kills, crashes, and several at once: nothing survives, nothing is lost, nothing is done twice. */
import { assert, describe, it } from "@effect/vitest";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
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

/** Ignores SIGTERM and SIGINT, and leaves a grandchild in a session of its own that does, too. */
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

/** Pseudo-random delays, the same on every run of the test. */
const delayOf = (round: number, mostMillis: number): number =>
  createHash("sha256").update(`round ${round}`).digest().readUInt32BE() % mostMillis;

const killed = async (rig: Rig, afterMillis: number) => {
  const { child, ended } = rig.start(["run", "e.yaml"]);
  await setTimeout(afterMillis);
  child.kill("SIGKILL");
  return ended;
};

const noSurvivors = (rig: Rig) => rig.until("no process is left", () => rig.survivors.length === 0);

const succeeded = (rig: Rig): ReadonlyArray<string> =>
  fs
    .readdirSync(rig.path(".pipe/runs"))
    .flatMap((run) => {
      const events = `.pipe/runs/${run}/events.jsonl`;
      return rig.has(events) ? rig.read(events).split("\n") : [];
    })
    .filter((line) => line.includes('"NodeSucceeded"'))
    .map((line) => (JSON.parse(line) as { readonly node: string }).node);

describe("kill -9", () => {
  it(
    "at any moment: no process survives, the next run goes on, nothing finished is repeated, the end is the same",
    inRig(async (rig) => {
      rig.write("e.yaml", chain);
      const undisturbed = rig.start(["run", "e.yaml"], { PIPE_HOME: "undisturbed" });
      assert.strictEqual((await undisturbed.ended).code, 0);
      const expected = rig.read("undisturbed/runs/chain-1/artifacts/d/value");

      for (let round = 0; round < 10; round += 1) {
        await killed(rig, 150 + delayOf(round, 700));
        await noSurvivors(rig);
        // What is recorded is whole: every file of every artifact has the digest it is said to have.
        assertSound(rig);
      }
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 0, stderr);
      assert.strictEqual((await rig.filesOf("d"))["value"], expected);
      const made = succeeded(rig);
      assert.strictEqual(new Set(made).size, made.length, `made twice: ${made.join(" ")}`);
      const { code: again } = await rig.pipe("plan", "e.yaml", "--check");
      assert.strictEqual(again, 0);
      // A kill between commit and cleaning leaves garbage, but only of work that is done.
      const done = query(rig, "SELECT content FROM actions").map((row) => row["content"]);
      assert.includeMembers(done, fs.readdirSync(rig.path(".pipe/work")));
    }),
  );

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

/** Every artifact in the index is there, file by file, with the digests that it was given. */
const assertSound = (rig: Rig) => {
  if (!rig.has(".pipe/index.sqlite")) return;
  const tables = query(rig, "SELECT name FROM sqlite_master WHERE name = 'artifacts'");
  if (tables.length === 0) return;
  for (const { digest, files } of query(rig, "SELECT digest, files FROM artifacts")) {
    const listed = JSON.parse(String(files)) as ReadonlyArray<{
      readonly path: string;
      readonly sha256: string;
    }>;
    for (const file of listed) {
      const bytes = fs.readFileSync(rig.path(".pipe/trees", String(digest), file.path));
      assert.strictEqual(createHash("sha256").update(bytes).digest("hex"), file.sha256);
    }
  }
};

const query = (rig: Rig, sql: string) => {
  const index = new DatabaseSync(rig.path(".pipe/index.sqlite"));
  try {
    return index.prepare(sql).all();
  } finally {
    index.close();
  }
};

/** Runs the experiment in a terminal, closes that once the puppet is at work, and says how the run ended. */
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
      `(${signal}) ends the run with ${code}, tells of it, keeps what is finished, and leaves no process`,
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
        await rig.until("b is at work", () => rig.calls.includes("b"));
        child.kill(signal);
        const result = await ended;
        assert.strictEqual(result.code, code, result.stderr);
        assert.include(result.stderr, "interrupted");
        assert.include(result.stderr, "npx pipe run e.yaml");
        assert.deepStrictEqual(rig.survivors, []);
        rig.newCalls();
        rig.write("go", "");
        assert.deepStrictEqual(await rig.made("e.yaml"), ["b"]);
      }),
    );
  }

  it(
    "is what a terminal that closes means, too",
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
    "does not reach a run under nohup, whose terminal may close",
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
      await rig.until("a is at work", () => rig.calls.includes("a"));
      child.kill("SIGHUP");
      // Whatever a signal did, it has done before the next command has ended.
      const [run] = jsonLines((await rig.pipe("runs", "--json")).stdout);
      rig.write("go", "");
      assert.deepStrictEqual(await ended, [0, null]);
      assert.strictEqual(run?.["state"], "running");
    }),
  );

  it(
    "ends even jobs that ignore signals and leave the session, within a few seconds",
    inRig(async (rig) => {
      rig.write("e.yaml", stubborn);
      const { child, ended } = rig.start(["run", "e.yaml", "--json"]);
      await rig.until("the daemon is up", () => rig.calls.includes("daemon"));
      const begun = performance.now();
      child.kill("SIGINT");
      const { code, stdout } = await ended;
      assert.strictEqual(code, 130);
      assert.isBelow(performance.now() - begun, 9000);
      assert.deepStrictEqual(rig.survivors, []);
      const tags = jsonLines(stdout).map((event) => event["_tag"]);
      assert.deepStrictEqual(tags.slice(-2), ["NodeInterrupted", "RunFinished"]);
    }),
  );
});

describe("several at once on one store", () => {
  it(
    "make each node once, on a store that none has made yet",
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
    "the second says for whom it waits, and takes over when the first is killed",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does: waitFor("go") })} } } }\n`,
      );
      const first = rig.start(["run", "e.yaml"]);
      await rig.until("the first is at work", () => rig.calls.length === 1);
      const second = rig.start(["run", "e.yaml", "--json"]);
      let told = "";
      second.child.stdout?.on("data", (text: string) => (told += text));
      await rig.until("the second waits", () => told.includes("NodeWaiting"));
      assert.include(told, `process ${first.child.pid} on`);
      first.child.kill("SIGKILL");
      await first.ended;
      await rig.until("the second is at work", () => rig.calls.length === 2);
      rig.write("go", "");
      assert.strictEqual((await second.ended).code, 0);
      assert.deepStrictEqual(await rig.filesOf("a"), { value: "a\n" });
    }),
  );

  it(
    "the second makes what the first failed to make",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does: `${waitFor("go")}; [ -e mended ] || { touch mended; exit 1; }` })} } } }\n`,
      );
      const first = rig.start(["run", "e.yaml"]);
      await rig.until("the first is at work", () => rig.calls.length === 1);
      const second = rig.start(["run", "e.yaml"]);
      await setTimeout(700);
      rig.write("go", "");
      assert.strictEqual((await first.ended).code, 1);
      assert.strictEqual((await second.ended).code, 0);
      assert.strictEqual(rig.calls.length, 2);
    }),
  );
});
