/** The whole study on the real parts: pictures, transcripts, a trained model, and what others read of them. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { beforeAll } from "vitest";
import { ensurePython } from "../executors/PythonEnvironment.ts";
import { eachRow } from "../kinds/Dataset.ts";
import type { Table } from "../kinds/TableFile.ts";
import { pipeEnvironment } from "../stages/environments.ts";
import { inRig, jsonLines, type Rig } from "./rig/Rig.ts";
import { root } from "./rig/build.ts";

const minutes = 60_000;

const study = (steps: number) => `
name: small
axes:
  loss:
    - { label: token, kind: token }
    - { label: ngdiff, kind: ngdiff }
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, vertices: 5 }
      image: { size: 64, color: false, noise: 0.1 }
      splits: { train_sft: 200, test: 20 }
  cot:    { use: distill,   from: { data: data } }
  model:  { use: sft,       from: { data: cot }, with: { loss: $loss, steps: ${steps}, batch: 8 } }
  e2e:    { use: generate,  from: { model: model, data: data }, with: { mode: end-to-end } }
  oracle: { use: generate,  from: { model: model, data: data }, with: { mode: counterfactual } }
  scores: { use: score,     from: { data: data, end_to_end: e2e, counterfactual: oracle } }
  table:  { use: summarize, from: { scores: { all: scores } } }
  hard:   { use: summarize, from: { scores: { all: scores }, data: data }, with: { difficulty: [3, 6] } }
`;

let python = "";

const pythonSays = (program: string, ...args: ReadonlyArray<string>): unknown =>
  JSON.parse(
    execFileSync(python, ["-c", program, ...args], {
      encoding: "utf8",
      env: { ...process.env, HF_HUB_OFFLINE: "1", HF_HOME: args[0] },
      stdio: ["ignore", "pipe", "pipe"],
    })
      .trimEnd()
      .split("\n")
      .at(-1) ?? "",
  );

const loadDataset = `
import json, sys, datasets
rows = datasets.load_dataset(sys.argv[2], cache_dir=sys.argv[1])["train_sft"]
row = rows[0]
print(json.dumps({"columns": rows.column_names, "rows": len(rows), "size": row["image"].size, "response": row["response"][:9]}))
`;

const loadModel = `
import json, sys
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
model, processor = AutoModelForImageTextToText.from_pretrained(sys.argv[2]), AutoProcessor.from_pretrained(sys.argv[2])
chat = [{"role": "user", "content": [{"type": "image", "image": Image.new("L", (64, 64), 255).convert("RGB")}]}]
inputs = processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True)
made = model.generate(**inputs, max_new_tokens=5)
print(json.dumps({"class": type(model).__name__, "tokens": made.shape[1] - inputs["input_ids"].shape[1]}))
`;

const readScoresTable = `
import json, sys, pyarrow.parquet
rows = pyarrow.parquet.read_table(sys.argv[2]).to_pylist()
keys = ["node", "loss", "mode", "outcome", "perception", "instance"]
print(json.dumps({"rows": len(rows), "losses": sorted({row["loss"] for row in rows}), "lacking": [key for key in keys if rows[0].get(key) is None]}))
`;

const run = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { code, stdout, stderr } = await rig.pipe("run", "small.yaml", ...args);
  assert.strictEqual(code, 0, stderr);
  return stdout;
};

const shown = async (rig: Rig, node: string) => {
  const { stdout } = await rig.pipe("show", "--json", node);
  return JSON.parse(stdout) as {
    readonly artifact: { readonly digest: string };
    readonly actions: ReadonlyArray<{ readonly resumedFrom?: number }>;
  };
};

describe("a study, small but real", () => {
  beforeAll(async () => {
    const locks = [...pipeEnvironment.locks, path.join(root, "trainers/requirements-test.lock")];
    const ready = await ensurePython({ ...pipeEnvironment, locks }, () => {});
    python = ready.python;
  }, 15 * minutes);

  it(
    "ends in a table, and `datasets` and `from_pretrained` read what it made",
    inRig(async (rig) => {
      rig.write("small.yaml", study(3));
      const printed = await run(rig);
      assert.match(printed, /MICRO Qwen3-VL/u);
      assert.match(printed, /^token +20 /mu);

      const { artifact } = await shown(rig, "hard");
      const table = rig.path(".pipe/trees", artifact.digest, "table.json");
      const buckets = (JSON.parse(fs.readFileSync(table, "utf8")) as Table).rows.filter(
        ({ labels }) => labels["loss"] === "token",
      );
      const edges = await edgesOf(rig, "data");
      for (const [label, low, high] of [
        ["to 3", 0, 3],
        ["4 to 6", 4, 6],
        ["7 on", 7, 10],
      ] as const) {
        const bucket = buckets.find(({ labels }) => labels["difficulty"] === label);
        const expected = edges.filter((count) => low <= count && count <= high).length;
        assert.strictEqual(bucket?.a?.n ?? 0, expected, label);
        assert.strictEqual(bucket?.a_r?.n ?? 0, expected, label);
      }

      const log = await rig.pipe("logs", "model[loss=ngdiff]");
      assert.match(log.stdout, /^\d\d:\d\d:\d\d  starting Python…\n/u);
      assert.match(log.stdout, /^\d\d:\d\d:\d\d  step 3  L_p [\d.]+  L_r /mu);
      assert.notInclude(log.stderr, "no log");
      const model = (await rig.pipe("show", "model[loss=ngdiff]")).stdout;
      assert.match(model, /^    loss\.kind +ngdiff$/mu);
      assert.match(model, /^    steps +3$/mu);
      assert.match(model, /^    learning_rate +0\.003 \(default\)$/mu);

      const again = await rig.pipe("run", "small.yaml", "--json");
      const end = jsonLines(again.stdout).at(-1);
      assert.include(end, { _tag: "RunFinished", status: "done", executed: 0 });
      await rig.pipe("export", "latest", "--scores", "scores.parquet");
      const scores = pythonSays(readScoresTable, rig.path("hub"), rig.path("scores.parquet"));
      assert.deepStrictEqual(scores, { rows: 80, losses: ["ngdiff", "token"], lacking: [] });
      const earlier = await rig.pipe("logs", "model[loss=ngdiff]");
      assert.strictEqual(earlier.stdout, log.stdout);
      assert.include(earlier.stderr, "made by small-1");

      const mixed = await rig.pipe(
        "run",
        "small.yaml",
        "--axis",
        "loss=token",
        "--set",
        "oracle.limit=5",
      );
      assert.strictEqual(mixed.code, 1);
      assert.include(mixed.stderr, "was answered in one mode only");

      const cache = rig.path("hf");
      await rig.pipe("export", "cot", "transcripts");
      const rows = pythonSays(loadDataset, cache, rig.path("transcripts"));
      assert.deepStrictEqual(rows, {
        columns: ["id", "task", "query", "image", "ground_truth", "perception", "response"],
        rows: 200,
        size: [64, 64],
        response: "<caption>",
      });

      await rig.pipe("export", "model[loss=token]", "model");
      const loaded = pythonSays(loadModel, cache, rig.path("model"));
      assert.deepStrictEqual(loaded, { class: "Qwen3VLForConditionalGeneration", tokens: 5 });
    }),
    5 * minutes,
  );

  it(
    "measures held-out pictures on the way, in its log and its metrics",
    inRig(async (rig) => {
      const validated = study(40)
        .replace("test: 20", "validation: 12, test: 20")
        .replace("{ data: cot }", "{ data: cot, validation: data }")
        .replace("batch: 8 }", "batch: 8, validate: { every: 15, limit: 6 } }");
      rig.write("small.yaml", validated);
      await run(rig, "--axis", "loss=token", "--only", "model");
      const log = await rig.pipe("logs", "model[loss=token]");
      assert.match(log.stdout, /step 30  L_p .*val_a [\d.]+  val_a_p [\d.]+  val_a_r /u);
      await rig.pipe("export", "model[loss=token]", "model");
      const lines = jsonLines(rig.read("model/metrics.jsonl"));
      const measured = lines.filter((line) => "val_a" in line).map(({ step }) => step);
      assert.deepStrictEqual(measured, [15, 30]);
      assert.deepStrictEqual(
        lines.map(({ step }) => step),
        [10, 15, 20, 30, 40],
      );
    }),
    5 * minutes,
  );

  it(
    "continues a shorter training, also a killed one, and makes the model of an uninterrupted training",
    inRig(async (rig) => {
      rig.write("small.yaml", study(80));
      const one = ["--axis", "loss=token", "--only", "model"];
      await run(rig, ...one, "--set", "model.steps=30");
      // The prediction knows that the rest is due, and not what another seed would need.
      const predicted = async (...args: ReadonlyArray<string>) => {
        const { stdout } = await rig.pipe("plan", "small.yaml", "--json", ...one, ...args);
        const model = jsonLines(stdout).find(({ stage }) => stage === "sft")!;
        const [low, high] = model["predictedRange"] as [number, number];
        const seconds = Number(model["predictedSeconds"]);
        assert.isTrue(0 < low && low < seconds && seconds < high);
        return seconds;
      };
      assert.isBelow(await predicted(), await predicted("--set", "model.seed=5"));

      const killed = rig.start(["run", "small.yaml", "--json", ...one]);
      const eventsOf = (name: string) => read(rig.path(".pipe/runs", name, "events.jsonl"));
      await rig.until("some steps", () => /NodeMetrics.*"step":[4-7]0/u.test(eventsOf("small-2")));
      assert.match(eventsOf("small-2"), /Continuing from the checkpoint of step 30\b/u);
      killed.child.kill("SIGKILL");
      await killed.ended;
      await rig.until("no process of it is left", () => rig.survivors.length === 0);

      const checkpoints = () =>
        fs
          .globSync("checkpoints/*/*/step-*", { cwd: rig.path(".pipe") })
          .map((file) => path.basename(file))
          .toSorted();
      const left = checkpoints();
      assert.isAtLeast(left.length, 2);
      await run(rig, ...one, "--set", "model.steps=20");
      assert.deepStrictEqual(checkpoints(), ["step-00000020.pt", ...left]);

      await run(rig, ...one);
      assert.match(eventsOf("small-4"), /Continuing from the checkpoint/u);
      const model = await shown(rig, "model[loss=token]");
      assert.isAtLeast(model.actions[0]?.resumedFrom ?? 0, 40);
      assert.deepStrictEqual(checkpoints(), ["step-00000080.pt"]);

      fs.renameSync(rig.path(".pipe"), rig.path("continued"));
      await run(rig, ...one);
      assert.strictEqual(
        (await shown(rig, "model[loss=token]")).artifact.digest,
        model.artifact.digest,
      );
    }),
    5 * minutes,
  );

  it(
    "says after Ctrl-C that the checkpoints of a training are kept",
    inRig(async (rig) => {
      rig.write("small.yaml", study(8000));
      const one = ["--axis", "loss=token", "--only", "model"];
      const { child, ended } = rig.start(["run", "small.yaml", ...one]);
      const events = rig.path(".pipe/runs/small-1/events.jsonl");
      await rig.until("a step", () => read(events).includes("NodeMetrics"));
      child.kill("SIGINT");
      assert.include((await ended).stderr, "interrupted; its checkpoints are kept");
    }),
    5 * minutes,
  );
});

/** The number of edges of each test graph. */
const edgesOf = async (rig: Rig, node: string): Promise<ReadonlyArray<number>> => {
  const { artifact } = await shown(rig, node);
  const counts: Array<number> = [];
  await Effect.runPromise(
    eachRow(rig.path(".pipe/trees", artifact.digest), "test", { images: false }, ({ perception }) =>
      counts.push((JSON.parse(perception) as ReadonlyArray<unknown>).length),
    ),
  );
  return counts;
};

const read = (file: string): string => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
