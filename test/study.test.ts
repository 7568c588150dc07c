/** The whole study on the real parts: pictures, transcripts, a trained model, and what others read of them. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { beforeAll } from "vitest";
import { ensurePython } from "../executors/PythonEnvironment.ts";
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

const digestOf = async (rig: Rig, node: string): Promise<string> =>
  (await shown(rig, node)).artifact.digest;

describe("a study, small but real", () => {
  beforeAll(async () => {
    const locks = ["requirements.lock", "requirements-test.lock"];
    const ready = await ensurePython(
      locks.map((name) => path.join(root, "trainers", name)),
      () => {},
    );
    python = ready.python;
  }, 15 * minutes);

  it(
    "ends in a table, and `datasets` and `from_pretrained` read what it made",
    inRig(async (rig) => {
      rig.write("small.yaml", study(3));
      const printed = await run(rig);
      assert.match(printed, /MICRO Qwen3-VL/u);
      assert.match(printed, /^token +20 /mu);

      const again = await rig.pipe("run", "small.yaml", "--json");
      const end = jsonLines(again.stdout).at(-1);
      assert.include(end, { _tag: "RunFinished", status: "done", executed: 0 });

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
      const model = pythonSays(loadModel, cache, rig.path("model"));
      assert.deepStrictEqual(model, { class: "Qwen3VLForConditionalGeneration", tokens: 5 });
    }),
    5 * minutes,
  );

  it(
    "killed while it trains, it goes on from a checkpoint and makes the same model",
    inRig(async (rig) => {
      rig.write("small.yaml", study(120));
      const one = ["--axis", "loss=token", "--jobs", "1"];
      const killed = rig.start(["run", "small.yaml", "--json", ...one]);
      const events = rig.path(".pipe/runs/small-1/events.jsonl");
      await rig.until("some steps", () => /NodeMetrics.*"step":[2-9]0/u.test(read(events)));
      killed.child.kill("SIGKILL");
      await killed.ended;
      await rig.until("no process of it is left", () => rig.survivors.length === 0);

      await run(rig, ...one);
      assert.match(
        read(rig.path(".pipe/runs/small-2/events.jsonl")),
        /Continuing from the checkpoint/u,
      );
      const resumed = await digestOf(rig, "model[loss=token]");

      fs.renameSync(rig.path(".pipe"), rig.path("killed"));
      await run(rig, ...one);
      assert.strictEqual(await digestOf(rig, "model[loss=token]"), resumed);

      // Asked for fewer steps first and then for more, the training is continued, and comes out the same to the bit.
      fs.renameSync(rig.path(".pipe"), rig.path("straight"));
      await run(rig, ...one, "--set", "model.steps=60");
      await run(rig, ...one);
      const model = await shown(rig, "model[loss=token]");
      assert.strictEqual(model.artifact.digest, resumed);
      assert.strictEqual(model.actions[0]?.resumedFrom, 60);
    }),
    5 * minutes,
  );
});

const read = (file: string): string => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
