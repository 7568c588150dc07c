/** `pipe runs` and `pipe status` of runs that are running, done, failed, interrupted, killed or damaged. */
import { assert, describe, it } from "@effect/vitest";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../rig/build.ts";
import { inRig, jsonLines, puppet, type Rig, waitFor } from "../rig/Rig.ts";

/** b prints a line and waits for a file. */
const gated = `name: gated
stages:
  a: { use: command, with: { run: ${puppet("a")} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { does: `echo at work; ${waitFor("go")}` })} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet("c")} } }
`;

const startGated = async (rig: Rig) => {
  rig.write("e.yaml", gated);
  const running = rig.start(["run", "e.yaml"]);
  await rig.until("b runs", () => rig.calls.includes("b"));
  return running;
};

const runs = async (rig: Rig) => {
  const { code, stdout, stderr } = await rig.pipe("runs", "--json");
  assert.strictEqual(code, 0, stderr);
  return jsonLines(stdout);
};

const states = async (rig: Rig) =>
  (await runs(rig)).map(({ run, state }) => `${String(run)} ${String(state)}`);

/** The line of the run, and the states of its nodes. */
const status = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { code, stdout, stderr } = await rig.pipe("status", "--json", ...args);
  assert.strictEqual(code, 0, stderr);
  const [run = {}, ...nodes] = jsonLines(stdout);
  return { run, nodes, words: nodes.map(({ node, state }) => `${String(node)} ${String(state)}`) };
};

/** Mounts `.pipe` read-only, even for root. */
const readOnlyStore = `mount --bind .pipe .pipe && mount -o remount,bind,ro .pipe && exec "$0" "$@"`;
const inNamespace = ["unshare", "-rm", "sh", "-c"] as const;
const mayMount = spawnSync(inNamespace[0], [...inNamespace.slice(1), "true"]).status === 0;

describe("commands that only read", () => {
  it(
    "leave the owner lock of a killed run",
    inRig(async (rig) => {
      const { child, ended } = await startGated(rig);
      child.kill("SIGKILL");
      await ended;
      const owners = fs.readdirSync(rig.path(".pipe/owners"));
      assert.isNotEmpty(owners);
      assert.deepStrictEqual(await states(rig), ["gated-1 killed"]);
      assert.strictEqual((await status(rig)).run["state"], "killed");
      assert.strictEqual((await rig.pipe("logs", "b")).code, 0);
      assert.strictEqual((await rig.pipe("gc")).code, 0);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/owners")), owners);
    }),
  );

  it.skipIf(!mayMount)(
    "work in a read-only store and tell running from killed runs",
    inRig(async (rig) => {
      const looks = (...args: ReadonlyArray<string>) => {
        const pipe = path.join(root, "bin/pipe");
        const [command, ...before] = [...inNamespace, readOnlyStore, pipe];
        const {
          status: code,
          stdout,
          stderr,
        } = spawnSync(command, [...before, ...args], {
          cwd: rig.directory,
          encoding: "utf8",
        });
        assert.strictEqual(code, 0, `${args.join(" ")}: ${stderr}`);
        return stdout;
      };
      const seen = () =>
        [looks("runs", "--json"), looks("status", "--json")].map(
          (text) => jsonLines(text)[0]?.["state"],
        );
      const { child, ended } = await startGated(rig);
      assert.deepStrictEqual(seen(), ["running", "running"]);
      child.kill("SIGKILL");
      await ended;
      assert.deepStrictEqual(seen(), ["killed", "killed"]);
      assert.include(looks("logs", "b"), "at work");
      assert.include(looks("gc"), "nothing has been deleted");
    }),
  );
});

describe("an interrupt", () => {
  it(
    "in the pause before a retry is reported as an interrupt, not as a kill",
    inRig(async (rig) => {
      const retry = `retry: { times: 1, wait: "1 hour", exit_codes: [75] }`;
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, ${retry}, with: { run: ${puppet("a", { does: "exit 75" })} } } }\n`,
      );
      const { child, ended } = rig.start(["run", "e.yaml"]);
      await rig.until(
        "a is to be retried",
        () =>
          rig.has(".pipe/runs/e-1/events.jsonl") &&
          rig.read(".pipe/runs/e-1/events.jsonl").includes("NodeRetried"),
      );
      assert.deepStrictEqual((await status(rig)).words, ["a retrying"]);
      child.kill("SIGINT");
      assert.strictEqual((await ended).code, 130);
      assert.deepStrictEqual((await status(rig)).words, ["a interrupted"]);
      assert.include((await rig.pipe("logs", "a")).stderr, "a of e-1 was interrupted");
    }),
  );

  it(
    "while another run makes the node is reported as an interrupt, too",
    inRig(async (rig) => {
      const { ended: made } = await startGated(rig);
      const { child, ended } = rig.start(["run", "e.yaml"]);
      await rig.until(
        "the second waits",
        () =>
          rig.has(".pipe/runs/gated-2/events.jsonl") &&
          rig.read(".pipe/runs/gated-2/events.jsonl").includes("NodeWaiting"),
      );
      child.kill("SIGINT");
      await ended;
      const { words } = await status(rig, "gated-2");
      assert.deepStrictEqual(words.slice(1), ["b interrupted", "c not started"]);
      rig.write("go", "");
      assert.strictEqual((await made).code, 0);
    }),
  );
});

describe("a run in another terminal", () => {
  it(
    "is listed as running and shown with its nodes' states; afterwards with how it ended",
    inRig(async (rig) => {
      const { ended } = await startGated(rig);
      assert.deepStrictEqual(await states(rig), ["gated-1 running"]);
      const now = await status(rig);
      assert.deepStrictEqual(now.words, ["a made", "b running", "c not started"]);
      assert.include(now.run, { run: "gated-1", state: "running", executed: 1, nodes: 3 });
      assert.isString(now.nodes[1]?.["since"]);
      const { stdout } = await rig.pipe("status");
      assert.match(stdout, /^gated-1 · running · started .+ · 1 made, 1 running, 1 not started$/mu);
      assert.match(stdout, /▸ b +running/u);
      assert.match(stdout, /· c +not started/u);

      rig.write("go", "");
      assert.strictEqual((await ended).code, 0);
      assert.deepStrictEqual(await states(rig), ["gated-1 done"]);
      assert.deepStrictEqual((await status(rig)).words, ["a made", "b made", "c made"]);
    }),
  );

  it(
    "shows the progress of a node",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", {
          does: `echo '{"event":"progress","done":3,"total":12,"unit":"steps"}' >> {out}/../events.jsonl; ${waitFor("go")}`,
        })} } } }\n`,
      );
      const { ended } = rig.start(["run", "e.yaml"]);
      const log = ".pipe/runs/e-1/events.jsonl";
      await rig.until("progress is logged", () => rig.has(log) && rig.read(log).includes("steps"));
      const { nodes } = await status(rig);
      assert.deepStrictEqual(nodes[0]?.["progress"], { done: 3, total: 12, unit: "steps" });
      assert.match((await rig.pipe("status")).stdout, /████░+ .+3\/12 steps/u);
      rig.write("go", "");
      await ended;
    }),
  );
});

describe("a run that was killed", () => {
  it(
    "is listed as killed, and shown with the nodes that were running",
    inRig(async (rig) => {
      const { child, ended } = await startGated(rig);
      child.kill("SIGKILL");
      await ended;
      assert.deepStrictEqual(await states(rig), ["gated-1 killed"]);
      assert.deepStrictEqual((await status(rig)).words, ["a made", "b lost", "c not started"]);
      const { stdout } = await rig.pipe("status");
      assert.match(stdout, /gated-1 · killed/u);
      assert.match(stdout, /■ b +running when the run was killed/u);
      rig.write("go", "");
      await rig.made("e.yaml");
      assert.deepStrictEqual(await states(rig), ["gated-1 killed", "gated-2 done"]);
      assert.deepStrictEqual((await status(rig)).words, ["a cached", "b made", "c made"]);
      assert.deepStrictEqual((await status(rig, "gated-1")).words.at(1), "b lost");
    }),
  );

  it(
    "in the middle of a line, of its plan or of its first file hides neither itself nor others",
    inRig(async (rig) => {
      rig.write("e.yaml", gated);
      rig.write("go", "");
      for (let run = 1; run <= 5; run += 1) await rig.made("e.yaml");
      const file = (run: number, name: string) => rig.path(`.pipe/runs/gated-${run}/${name}`);
      const log = rig.read(".pipe/runs/gated-1/events.jsonl");
      fs.writeFileSync(file(1, "events.jsonl"), log.slice(0, log.indexOf("NodeSucceeded") + 30));
      fs.writeFileSync(file(2, "plan.json"), '{"run":"gated-2","exper');
      fs.writeFileSync(file(3, "events.jsonl"), `\u0000garbage\n${log}{"_tag":"RunFini`);
      fs.rmSync(file(5, "plan.json"));
      fs.rmSync(file(5, "events.jsonl"));

      assert.deepStrictEqual(await states(rig), [
        "gated-1 killed",
        "gated-2 done",
        "gated-3 done",
        "gated-4 done",
        "gated-5 killed",
      ]);
      const listed = await runs(rig);
      assert.include(listed[0], { executed: 0 });
      for (const damaged of [1, 4])
        assert.match(String(listed[damaged]?.["trouble"]), /plan\.json can't be read/u);
      const { stdout } = await rig.pipe("runs");
      assert.match(stdout, /^gated-2 .+\n {2}! runs\/gated-2\/plan.json can't be read$/mu);

      assert.deepStrictEqual((await status(rig, "gated-1")).words, [
        "a lost",
        "b not started",
        "c not started",
      ]);
      assert.strictEqual((await status(rig, "gated-3")).run["unreadable"], 1);
      const unreadable = await rig.pipe("status", "gated-2");
      assert.strictEqual(unreadable.code, 2);
      assert.include(unreadable.stderr, "the plan of gated-2 can't be read");
      const latest = await rig.pipe("status");
      assert.include(latest.stderr, "the plan of gated-5 can't be read");
      assert.match(latest.stdout, /^gated-4 · done/u);
    }),
  );
});

describe("runs", () => {
  it(
    "are listed the youngest last, each with what became of it, and with its overrides",
    inRig(async (rig) => {
      const failing = `name: failing\nstages: { a: { use: command, with: { run: "exit 1" } } }\n`;
      rig.write("failing.yaml", failing);
      rig.write("e.yaml", gated);
      rig.write("go", "");
      await rig.pipe("run", "failing.yaml");
      for (let run = 1; run <= 10; run += 1) await rig.made("e.yaml", "--set", "c.env={A: x}");
      await rig.pipe("run", "failing.yaml");
      fs.rmSync(rig.path("go"));
      const { child, ended } = rig.start(["run", "e.yaml", "--force", "b"]);
      await rig.until("b runs", () => rig.newCalls().includes("b"));
      child.kill("SIGINT");
      await ended;

      const gatedRuns = Array.from({ length: 10 }, (_, index) => `gated-${index + 1} done`);
      assert.deepStrictEqual(await states(rig), [
        "failing-1 failed",
        ...gatedRuns,
        "failing-2 failed",
        "gated-11 interrupted",
      ]);
      const listed = await runs(rig);
      assert.deepInclude(listed[1], { executed: 3, reused: 0, overrides: ["--set c.env={A: x}"] });
      assert.deepInclude(listed[2], { executed: 0, reused: 3, failed: 0, nodes: 3 });
      assert.deepInclude(listed[0], { failed: 1, overrides: [] });
      const { stdout } = await rig.pipe("runs");
      assert.match(stdout, /^gated-1 .+ done +3 +0 +0 +3 .+--set c\.env=\{A: x\}$/mu);
    }),
  );

  it(
    "that do not exist are reported",
    inRig(async (rig) => {
      const { code, stdout, stderr } = await rig.pipe("runs");
      assert.deepStrictEqual([code, stdout], [0, ""]);
      assert.include(stderr, "no runs yet");
      assert.strictEqual((await rig.pipe("status")).code, 2);
      rig.write("e.yaml", gated);
      rig.write("go", "");
      await rig.made("e.yaml");
      const unknown = await rig.pipe("status", "gatet-1");
      assert.strictEqual(unknown.code, 2);
      assert.include(unknown.stderr, "did you mean `gated-1`?");
    }),
  );

  it(
    "of long ago are not read by a run",
    inRig(async (rig) => {
      rig.write("e.yaml", gated);
      rig.write("go", "");
      await rig.made("e.yaml");
      // Reading this one would fail.
      fs.rmSync(rig.path(".pipe/runs/gated-1/plan.json"));
      fs.mkdirSync(rig.path(".pipe/runs/gated-1/plan.json"));
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      assert.strictEqual((await rig.pipe("status")).code, 0);
    }),
  );
});

it(
  "status counts a stage of many points, and names its active and failed ones",
  inRig(async (rig) => {
    const values = Array.from({ length: 20 }, (_, index) => index).join(", ");
    const does = `case \${x} in 7) ${waitFor("go")};; 3|4|5) exit 3;; esac`;
    rig.write(
      "e.yaml",
      `name: e\naxes: { x: [${values}] }\nstages:\n  a: { use: command, with: { run: ${puppet("a${x}", { does })} } }\n  b: { use: command, from: { a: a }, with: { run: ${puppet("b${x}")} } }\n`,
    );
    const { ended } = rig.start(["run", "e.yaml", "-k", "-j", "2"]);
    await rig.until("all that can be is done", () => rig.calls.includes("b19"));
    const { stdout } = await rig.pipe("status");
    assert.match(stdout, /^ +a\[x\] +16 made, 1 running, 3 failed$/mu);
    assert.match(stdout, /▸ a\[x=7\] +running/u);
    assert.notInclude(stdout, "a[x=8]");
    assert.include(stdout, "3 points of a failed the same way: the command ended with exit code 3");
    rig.write("go", "");
    assert.strictEqual((await ended).code, 1);
    const after = await rig.pipe("status");
    assert.match(after.stdout, /^ +b\[x\] +\d+ made, 3 skipped$/mu);
  }),
);
