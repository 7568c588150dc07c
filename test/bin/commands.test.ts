/** The commands that show results: plan, show, table, export, doctor, schema, help, and their JSON. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { RunPlan } from "../../pipelines/history/RunPlan.ts";
import { eventFile } from "../../kinds/eventFile.ts";
import { Event } from "../../schemas/Event.ts";
import { Table } from "../../kinds/TableFile.ts";
import { wilson } from "../../stats/wilson.ts";
import { inCopies, inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

const experiment = `name: e
axes: { x: [1, 2] }
stages:
  a: { use: command, with: { run: ${puppet("a", { does: "mkdir {out}/sub; echo '#!/bin/sh' > {out}/sub/tool; chmod +x {out}/sub/tool" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b${x}", { value: "${x}" })} } }
`;

const inMadeRig = inCopies(async (rig) => {
  rig.write("e.yaml", experiment);
  await rig.made("e.yaml");
});

const digestOf = async (rig: Rig, node: string): Promise<string> => {
  const { stdout } = await rig.pipe("show", "--json", node);
  return (JSON.parse(stdout) as { readonly artifact: { readonly digest: string } }).artifact.digest;
};

describe("run --json", () => {
  it(
    "prints versioned lines that decode as events, equal to those in the run's log",
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
    "reports cached nodes in the second run as a count, and only events that happen",
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
  "plan shows every node with its status and reason",
  inRig(async (rig) => {
    rig.write("e.yaml", experiment);
    const { stdout } = await rig.pipe("plan", "e.yaml");
    assert.match(stdout, /^ {2}run +a +command +not made yet$/mu);
    assert.match(stdout, /^ {2}pending b\[x=1\] +command +needs a$/mu);
    assert.include(stdout, "3 nodes: 0 cached, 1 to run, 2 pending");
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
    "shows the stage, inputs and cost, and gives the nearest name for an unknown one",
    inMadeRig(async (rig) => {
      const { stdout } = await rig.pipe("show", "b[x=1]");
      assert.match(stdout, /^made by b\[x=1\] of e in /mu);
      assert.match(stdout, /^ +stage +command, version \d+$/mu);
      assert.match(stdout, /^ +sources +\[\] \(default\)$/mu);
      assert.include(stdout, (await digestOf(rig, "a")).slice(0, 12));
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
    "takes a directory or a file for a run's lines, and writes no empty table",
    inMadeRig(async (rig) => {
      for (const args of [["latest"], ["latest", "out", "--scores", "s.parquet"]]) {
        const { code, stderr } = await rig.pipe("export", ...args);
        assert.strictEqual(code, 2);
        assert.include(stderr, "give a directory for an artifact's files, or --scores");
      }
      const { code, stderr } = await rig.pipe("export", "latest", "--rollouts", "r.parquet");
      assert.strictEqual(code, 2);
      assert.match(stderr, /e-\d+ has no rollouts; r\.parquet not written/u);
      assert.isFalse(rig.has("r.parquet"));
    }),
  );

  it(
    "copies files, writable, and keeps the executable bit",
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
    "accepts a digest's beginning or run and node, and refuses an existing target",
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

const trained = `name: trained
axes: { of: [one, two] }
stages:
  model: { use: pretrained, with: { path: "\${of}" } }
`;

/** A directory that counts as a model: its weights have no tensors. */
const writeModel = (rig: Rig, name: string, metrics: ReadonlyArray<object>): void => {
  rig.write(`${name}/config.json`, JSON.stringify({ model_type: name }));
  rig.write(`${name}/model.safetensors`, "\u0002\0\0\0\0\0\0\0{}");
  if (metrics.length > 0)
    rig.write(`${name}/metrics.jsonl`, metrics.map((line) => `${JSON.stringify(line)}\n`).join(""));
};

describe("export --tensorboard", () => {
  it(
    "writes a folder for each training, and nothing for a model without metrics",
    inRig(async (rig) => {
      rig.write("trained.yaml", trained);
      const steps = [{ step: 1, loss: 2 }, { step: 2, loss: 1, note: "no number" }, "no step"];
      writeModel(rig, "one", steps as ReadonlyArray<object>);
      writeModel(rig, "two", []);
      await rig.made("trained.yaml");
      const { code, stdout, stderr } = await rig.pipe("export", "latest", "--tensorboard", "tb");
      assert.strictEqual(code, 0, stderr);
      assert.match(stdout, /^trained-1: metrics of 1 training in tb; see them with: tensorboard/u);
      assert.deepStrictEqual(fs.readdirSync(rig.path("tb/trained-1")), ["model[of=one]"]);
      const shown = await rig.pipe("show", "--json", "model[of=one]");
      const { actions } = JSON.parse(shown.stdout) as {
        readonly actions: ReadonlyArray<{ readonly finishedAt: string }>;
      };
      const written = fs.readFileSync(
        rig.path("tb/trained-1/model[of=one]/events.out.tfevents.pipe"),
      );
      const at = Date.parse(actions[0]!.finishedAt) / 1000;
      const values = [2, 1].map((loss, index) => ({ step: index + 1, values: { loss } }));
      assert.isTrue(written.equals(eventFile(values, at)));
      const none = await rig.pipe("run", "trained.yaml", "--axis", "of=two");
      assert.strictEqual(none.code, 0, none.stderr);
      const empty = await rig.pipe("export", "latest", "--tensorboard", "none");
      assert.strictEqual(empty.code, 2);
      assert.include(empty.stderr, "trained-2 has no training with metrics; none not written");
      assert.isFalse(rig.has("none"));
    }),
  );
});

const study = `name: study
stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, image: { size: 48 }, splits: { train_sft: 20, test: 10 }, seed: 3 } }
  cot: { use: distill, from: { data: data } }
`;

it(
  "render and distill give equal bytes for every store and number of jobs",
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
    "reports a run without tables, and lists the runs for an unknown name",
    inMadeRig(async (rig) => {
      const none = await rig.pipe("table");
      assert.strictEqual(none.code, 2);
      assert.include(none.stderr, "e-1 has made no table");
      const unknown = await rig.pipe("table", "e-2");
      assert.strictEqual(unknown.code, 2);
      assert.include(unknown.stderr, "e-1");
    }),
  );

  it(
    "prints every row with its interval, then the pooled rows",
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
        /^λ=0\.3 +0 +10 +\.500 \[\.237, \.763\] +1\.000 \[\.722, 1\.000\] +– +\.500$/u,
      );
      assert.match(second ?? "", /^λ=0\.3 +1 +10/u);
      assert.strictEqual(pooled, "pooled over seed");
      assert.match(last ?? "", /^λ=0\.3 +20 +\.250 \[.112, .469\]/u);
      const json = jsonLines((await rig.pipe("table", "study-1", "--json")).stdout);
      assert.deepStrictEqual(json, [{ v: 1, run: "study-1", node: "table", table }] as never);
    }),
  );
});

it(
  "doctor inspects the machine and changes nothing",
  inRig(async (rig) => {
    const { code, stdout } = await rig.pipe("doctor");
    assert.strictEqual(code, 0, stdout);
    for (const what of ["node", "machine", "store", "python", "gpu"])
      assert.match(stdout, new RegExp(`^[✓–] ${what} `, "mu"));
    assert.include(stdout, "(not created yet)");
    assert.isFalse(rig.has(".pipe"));
    rig.write("file", "");
    const blocked = await rig.start(["doctor"], { PIPE_HOME: "file/store" }).ended;
    assert.strictEqual(blocked.code, 1);
    assert.match(blocked.stdout, /^✗ store .*PIPE_HOME/mu);
  }),
);

describe("help", () => {
  it(
    "of pipe and every command describes it",
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
