/** The commands that show what is there: plan, show, table, export, doctor, schema, help, and the JSON of each. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { RunPlan } from "../../pipelines/RunRecord.ts";
import { Event } from "../../schemas/Event.ts";
import { Table } from "../../schemas/Table.ts";
import { wilson } from "../../stats/wilson.ts";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

const experiment = `name: e
axes: { x: [1, 2] }
stages:
  a: { use: command, with: { run: ${puppet("a", { does: "mkdir {out}/sub; echo '#!/bin/sh' > {out}/sub/tool; chmod +x {out}/sub/tool" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b${x}", { value: "${x}" })} } }
`;

const inMadeRig = (test: (rig: Rig) => Promise<void>) =>
  inRig(async (rig) => {
    rig.write("e.yaml", experiment);
    await rig.made("e.yaml");
    await test(rig);
  });

const digestOf = async (rig: Rig, node: string): Promise<string> => {
  const { stdout } = await rig.pipe("show", "--json", node);
  return (JSON.parse(stdout) as { readonly artifact: { readonly digest: string } }).artifact.digest;
};

describe("run --json", () => {
  it(
    "is versioned lines that all decode as events, and the run's own log holds the same",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `${experiment}  c: { use: command, from: { a: a }, with: { run: "exit 1" } }\n  d: { use: command, from: { c: c }, with: { run: "true" } }\n`,
      );
      const { code, stdout, stderr } = await rig.pipe("run", "e.yaml", "--json", "-k");
      assert.strictEqual(code, 1);
      assert.strictEqual(stderr, "");
      const lines = jsonLines(stdout);
      for (const line of lines) assert.strictEqual(line["v"], 1);
      const decode = Schema.decodeUnknownSync(Event);
      const events = lines.map((line) => decode(line));
      const logged = jsonLines(rig.read(".pipe/runs/e-1/events.jsonl"));
      assert.deepStrictEqual(
        logged.map((event) => decode(event)),
        events,
      );
      const tags = events.map((event) => event._tag);
      assert.strictEqual(tags[0], "RunStarted");
      assert.strictEqual(tags.at(-1), "RunFinished");
      const expected = ["NodeStarted", "NodeSucceeded", "NodeFailed", "NodeSkipped"];
      assert.includeMembers(tags, expected as unknown as typeof tags);
      const times = events.map((event) => event.at);
      assert.deepStrictEqual(times, times.toSorted());
    }),
  );

  it(
    "says in the second run what was there, and only what happens",
    inMadeRig(async (rig) => {
      const { stdout } = await rig.pipe("run", "e.yaml", "--json");
      const [started, finished, ...others] = jsonLines(stdout);
      assert.include(started, { _tag: "RunStarted", nodes: 3, cached: 3 });
      assert.include(finished, { _tag: "RunFinished", executed: 0, reused: 3 });
      assert.deepStrictEqual(others, []);
    }),
  );
});

it(
  "plan shows every node, its status and why",
  inRig(async (rig) => {
    rig.write("e.yaml", experiment);
    const { stdout } = await rig.pipe("plan", "e.yaml");
    assert.match(stdout, /^ {2}run +a +command +not made yet$/mu);
    assert.match(stdout, /^ {2}may-run b\[x=1\] +command +waits for a$/mu);
    assert.include(stdout, "3 nodes: 0 cached, 1 to run, 2 that may run");
    assert.notInclude(stdout, "\u001B");
  }),
);

describe("show", () => {
  it(
    "finds an artifact by node, by run and node, by digest and by its beginning",
    inMadeRig(async (rig) => {
      const digest = await digestOf(rig, "b[x=2]");
      for (const name of ["e-1/b[x=2]", "latest/b[x=2]", digest, digest.slice(0, 8)])
        assert.strictEqual(await digestOf(rig, name), digest);
    }),
  );

  it(
    "says what made it, from what, and names what it can't find",
    inMadeRig(async (rig) => {
      const { stdout } = await rig.pipe("show", "b[x=1]");
      assert.include(stdout, "made by command");
      assert.include(stdout, await digestOf(rig, "a"));
      assert.match(stdout, /\d B {2}value$/mu);
      const unknown = await rig.pipe("show", "b[x=3]");
      assert.strictEqual(unknown.code, 2);
      assert.include(unknown.stderr, "b[x=1]");
      assert.strictEqual((await rig.pipe("show", "e-7/a")).code, 2);
    }),
  );
});

describe("export", () => {
  it(
    "copies files out, writable, with what is executable kept so",
    inMadeRig(async (rig) => {
      const { code, stdout } = await rig.pipe("export", "a", "out/there");
      assert.strictEqual(code, 0);
      assert.match(stdout, /^files [0-9a-f]{12}: 2 files, .+ in out\/there$/mu);
      assert.strictEqual(rig.read("out/there/value"), "a\n");
      assert.strictEqual(fs.statSync(rig.path("out/there/sub/tool")).mode & 0o777, 0o755);
      assert.strictEqual(fs.statSync(rig.path("out/there/value")).mode & 0o777, 0o644);
      rig.write("out/there/value", "changed");
      assert.strictEqual((await rig.filesOf("a"))["value"], "a\n");
    }),
  );

  it(
    "by digest prefix and by run and node; never over something",
    inMadeRig(async (rig) => {
      const digest = await digestOf(rig, "b[x=1]");
      assert.strictEqual((await rig.pipe("export", digest.slice(0, 6), "one")).code, 0);
      assert.strictEqual(rig.read("one/value"), "1\n");
      assert.strictEqual((await rig.pipe("export", "e-1/b[x=2]", "two")).code, 0);
      assert.strictEqual(rig.read("two/value"), "2\n");
      const { code, stderr } = await rig.pipe("export", "e-1/b[x=1]", "two");
      assert.strictEqual(code, 2);
      assert.include(stderr, "not an empty directory");
      assert.strictEqual(rig.read("two/value"), "2\n");
    }),
  );
});

const study = `name: study
stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, image: { size: 48 }, splits: { train_sft: 20, test: 10 }, seed: 3 } }
  cot: { use: distill, from: { data: data } }
`;

it(
  "render and distill are reproducible to the byte, whatever the store and the jobs",
  inRig(async (rig) => {
    rig.write("study.yaml", study);
    const homes = ["one", "two"];
    for (const home of homes) {
      const { ended } = rig.start(["run", "study.yaml"], { PIPE_HOME: home });
      const { code, stderr } = await ended;
      assert.strictEqual(code, 0, stderr);
    }
    const trees = homes.map((home) => fs.readdirSync(rig.path(home, "trees")));
    assert.strictEqual(trees[0]?.length, 2);
    assert.deepStrictEqual(trees[0], trees[1]);
    assert.isTrue(rig.has("one/runs/study-1/artifacts/cot/data/train_sft-00000-of-00001.parquet"));
  }),
);

describe("table", () => {
  it(
    "says so where a run has made none, and names the runs there are",
    inMadeRig(async (rig) => {
      const none = await rig.pipe("table");
      assert.strictEqual(none.code, 2);
      assert.include(none.stderr, "the run e-1 has made no table");
      const unknown = await rig.pipe("table", "e-2");
      assert.strictEqual(unknown.code, 2);
      assert.include(unknown.stderr, "e-1");
    }),
  );

  it(
    "prints every row with its interval, and pooled rows after",
    inRig(async (rig) => {
      const proportion = (successes: number, n: number) => wilson(successes, n);
      const row = (labels: Readonly<Record<string, string>>, points: number, n: number) => ({
        labels,
        points,
        a: proportion(5, n),
        a_p: proportion(n, n),
        a_r: null,
        perception_f1: 0.5,
        reasons: {},
      });
      const table = Schema.decodeUnknownSync(Table)({
        format: 1,
        models: ["micro"],
        interval: "Wilson 95 %",
        axes: ["loss", "seed"],
        pooledOver: ["seed"],
        rows: [row({ loss: "λ=0.3", seed: "0" }, 1, 10), row({ loss: "λ=0.3", seed: "1" }, 1, 10)],
        pooled: [row({ loss: "λ=0.3" }, 2, 20)],
      });
      const node = { node: "table", stageName: "table", stage: "summarize", kind: "table" };
      const plan = Schema.decodeUnknownSync(RunPlan)({
        run: "study-1",
        experiment: "study",
        spec: "study.yaml",
        overrides: [],
        nodes: [{ ...node, labels: {}, recipe: "0".repeat(64) }],
      });
      rig.write(".pipe/runs/study-1/plan.json", JSON.stringify(plan));
      rig.write(".pipe/runs/study-1/artifacts/table/table.json", JSON.stringify(table));
      const { code, stdout } = await rig.pipe("table");
      assert.strictEqual(code, 0);
      const [title, model, header, first, second, , pooled, , last] = stdout.split("\n");
      assert.strictEqual(title, "study-1 · table");
      assert.strictEqual(model, "model: micro");
      assert.match(header ?? "", /^loss +seed +n +a +a_p +a_r +F1$/u);
      assert.match(
        first ?? "",
        /^λ=0\.3 +0 +10 +0\.500 \[0\.237, 0\.763\] +1\.000 \[0\.722, 1\.000\] +– +0\.500$/u,
      );
      assert.match(second ?? "", /^λ=0\.3 +1 +10/u);
      assert.strictEqual(pooled, "pooled over seed");
      assert.match(last ?? "", /^λ=0\.3 +20 +0\.250 \[0\.112, 0\.469\]/u);
      const json = jsonLines((await rig.pipe("table", "study-1", "--json")).stdout);
      assert.deepStrictEqual(json, [{ v: 1, run: "study-1", node: "table", table }] as never);
    }),
  );
});

it(
  "doctor looks at the machine and changes nothing",
  inRig(async (rig) => {
    const { code, stdout } = await rig.pipe("doctor");
    assert.strictEqual(code, 0, stdout);
    for (const what of ["node", "machine", "store", "python", "gpu"])
      assert.match(stdout, new RegExp(`^[✓–] ${what} `, "mu"));
    assert.include(stdout, "(not made yet)");
    assert.isFalse(rig.has(".pipe"));
    rig.write("file", "");
    const blocked = await rig.start(["doctor"], { PIPE_HOME: "file/store" }).ended;
    assert.strictEqual(blocked.code, 1);
    assert.match(blocked.stdout, /^✗ store .*PIPE_HOME/mu);
  }),
);

describe("help", () => {
  it(
    "of pipe and of every command says what it is for",
    inRig(async (rig) => {
      const { code, stdout } = await rig.pipe("--help");
      assert.strictEqual(code, 0);
      const commands = [
        "run",
        "plan",
        "runs",
        "status",
        "logs",
        "table",
        "show",
        "export",
        "score",
        "schema",
        "doctor",
      ];
      for (const command of commands) {
        assert.match(stdout, new RegExp(`^ +${command} +[A-Z]`, "mu"));
        const own = await rig.pipe(command, "--help");
        assert.strictEqual(own.code, 0);
        assert.include(own.stdout, `pipe ${command}`);
      }
      assert.isFalse(rig.has(".pipe"));
    }),
  );

  it(
    "works from any directory and through a link",
    inRig(async (rig) => {
      const launcher = fs.realpathSync(new URL("../../bin/pipe", import.meta.url));
      fs.symlinkSync(launcher, rig.path("p"));
      assert.match(
        execFileSync(rig.path("p"), ["--version"], { cwd: "/", encoding: "utf8" }),
        /pipe v\d/u,
      );
    }),
  );
});
