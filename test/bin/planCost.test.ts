/** `pipe plan` estimates GPU-hours, memory and disk by a model where no earlier run knows them. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { costLines } from "../../bin/view/costText.ts";
import type { CostEstimate } from "../../pipelines/plan/CostEstimate.ts";
import { root } from "../rig/build.ts";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";

interface CostLine {
  readonly node: string;
  readonly cost: {
    readonly unknown?: string;
    readonly fix?: string;
    readonly seconds: number;
    readonly gpuHours: number;
    readonly tokens: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
    readonly assumes: Readonly<Record<string, unknown>>;
  } | null;
}

const costs = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { code, stdout, stderr } = await rig.pipe("plan", "--json", ...args);
  assert.strictEqual(code, 0, stderr);
  const lines = jsonLines(stdout) as unknown as ReadonlyArray<CostLine>;
  return new Map(lines.map(({ node, cost }) => [node, cost]));
};

const paper = (rig: Rig, name: string) =>
  rig.write(name, fs.readFileSync(path.join(root, "experiments/paper", name), "utf8"));

/** A study of one pretrained model. */
const study = (start: string, generate: string) => `name: study
stages:
  data:
    use: render
    with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, image: { size: 48 }, splits: { test: 100 } }
  start: { use: pretrained, with: { ${start} } }
  e2e:
    use: generate
    from: { model: start, data: data }
    resources: { gpus: 1 }
    with: { mode: end-to-end, ${generate} }
  count: { use: command, from: { e2e: e2e }, with: { run: "wc -l {in.e2e}/predictions.jsonl > {out}/n" } }
`;

describe("pipe plan estimates", () => {
  it(
    "each experiment of the paper, by stage and in sum, within 80 columns",
    inRig(async (rig) => {
      for (const name of fs.readdirSync(path.join(root, "experiments/paper"))) {
        paper(rig, name);
        const { stdout } = await rig.pipe("plan", name);
        const lines = stdout.split("\n");
        const at = lines.findIndex((line) => line.startsWith("cost (estimate): H200"));
        const end = lines.findIndex((line) => line.startsWith("  in sum"));
        assert.isTrue(at > 0 && end > at + 3, stdout);
        assert.match(lines[end] ?? "", /GPU .*[GT]B$/u);
        for (const line of lines.slice(at, end + 1)) assert.isAtMost(line.length, 80, line);
        assert.notMatch(stdout, /no cost of/u);
      }
    }),
  );

  it(
    "shorter responses, another GPU and LoRA as the formulas say",
    inRig(async (rig) => {
      paper(rig, "sft-lambda.yaml");
      const model = (size: string, loss: string) =>
        `model[model=Qwen3-VL-${size},task=sudoku,loss=${loss},seed=0]`;
      const bound = await costs(rig, "sft-lambda.yaml");
      const token = bound.get(model("4B", "token"));
      const ngdiff = bound.get(model("4B", "NGDiff"));
      // 750 steps of 16 rows of at most 16,384 tokens.
      assert.strictEqual(token?.tokens, 750 * 16 * 16_384);
      assert.closeTo((ngdiff?.gpuHours ?? 0) / (token?.gpuHours ?? 1), 5 / 3, 0.02);
      assert.closeTo((ngdiff?.memoryBytes ?? 0) - (token?.memoryBytes ?? 0), 4 * 4.44e9, 1);
      const lora = bound.get(model("8B", "token"));
      assert.isBelow(lora?.diskBytes ?? Infinity, token?.diskBytes ?? 0);

      const args = ["sft-lambda.yaml", "--tokens", "1024", "--gpu", "A100"];
      const short = (await costs(rig, ...args)).get(model("4B", "token"));
      assert.strictEqual(short?.tokens, 750 * 16 * (1024 + 512));
      assert.deepStrictEqual(short?.assumes, { gpu: "A100", responseTokens: 1024 });
      // The longest row decides the memory.
      assert.strictEqual(short?.memoryBytes, token?.memoryBytes);
      assert.match(
        (await rig.pipe("plan", ...args)).stdout,
        /model: \d+ of 168 nodes may not fit/u,
      );
    }),
  );

  it(
    "sharding divides what a weight takes, and NGDiff then needs a forward pass more",
    inRig(async (rig) => {
      paper(rig, "sft-lambda.yaml");
      const of = async (...settings: ReadonlyArray<string>) => {
        const sets = settings.flatMap((setting) => ["--set", `model.llamafactory.${setting}`]);
        const all = await costs(rig, "sft-lambda.yaml", ...sets);
        return (loss: string) =>
          all.get(`model[model=Qwen3-VL-8B,task=sudoku,loss=${loss},seed=0]`);
      };
      const full = "finetuning={ kind: full }";
      const whole = await of(full);
      const shared = await of(full, "processes=8", "sharding=fsdp");
      const bytes = (whole("token")?.memoryBytes ?? 0) - (shared("token")?.memoryBytes ?? 0);
      // The embedding and the output layer are gathered.
      assert.closeTo(bytes, 16 * 8.77e9 * (7 / 8) - 8 * 2 * 151_936 * 4096, 1e6);
      assert.strictEqual(shared("NGDiff")?.memoryBytes, shared("token")?.memoryBytes);
      const hours = (shared("NGDiff")?.gpuHours ?? 0) / (shared("token")?.gpuHours ?? 1);
      assert.closeTo(hours, 4 / 3, 0.02);
    }),
  );

  it(
    "a frozen language model needs fewer gradients and moments, a caption fewer tokens",
    inRig(async (rig) => {
      const steps = "steps: 100000, batch: 32";
      const sft = (params: string) =>
        `{ use: sft, from: { data: cot, model: start }, resources: { gpus: 1 }, with: { ${steps}${params} } }`;
      rig.write(
        "eyes.yaml",
        `name: eyes
stages:
  data:
    use: render
    with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, image: { size: 48 }, splits: { train_sft: 100 } }
  cot: { use: distill, from: { data: data } }
  start: { use: pretrained, with: { repo: HuggingFaceTB/SmolLM2-135M-Instruct, revision: "${"0".repeat(40)}" } }
  whole: ${sft("")}
  frozen: ${sft(", freeze: text")}
  eyes: ${sft(", freeze: text, learn: caption")}
`,
      );
      const all = await costs(rig, "eyes.yaml", "--tokens", "400");
      const [whole, frozen, eyes] = ["whole", "frozen", "eyes"].map((name) => all.get(name)!);
      assert.closeTo(frozen!.gpuHours / whole!.gpuHours, 2 / 3, 0.01);
      // Four fifths of the weights need neither a gradient nor moments, and their moments are in no checkpoint.
      const few = 0.8 * 134_515_008;
      assert.closeTo(whole!.memoryBytes - frozen!.memoryBytes, 12 * few, 1);
      assert.closeTo(whole!.diskBytes - frozen!.diskBytes, 2 * 8 * few, 1);
      assert.strictEqual(frozen!.tokens, 1e5 * 32 * (512 + 400));
      assert.strictEqual(eyes!.tokens, 1e5 * 32 * (512 + 40));
    }),
  );

  it(
    "nothing where it knows nothing, and says what to give",
    inRig(async (rig) => {
      const [vllm, transformers] = ["engine: vllm, max_tokens: 200", "engine: transformers"];
      rig.write("study.yaml", study("path: nameless", vllm));
      rig.write("nameless/config.json", "{}");
      const nameless = await costs(rig, "study.yaml");
      assert.include(nameless.get("e2e")?.fix, "parameters");
      assert.isNull(nameless.get("count"));
      assert.isNull(nameless.get("data"));
      const { stdout } = await rig.pipe("plan", "study.yaml");
      assert.match(stdout, /^no cost of start, e2e: the size of its model is unknown/mu);
      assert.notMatch(stdout, /cost \(estimate\)/u);

      rig.write("study.yaml", study("path: nameless, parameters: 2000000000", transformers));
      assert.include(
        (await costs(rig, "study.yaml")).get("e2e")?.unknown,
        "how long responses are",
      );
      const known = (await costs(rig, "study.yaml", "--tokens", "50")).get("e2e");
      assert.strictEqual(known?.tokens, 5000);
      assert.isAbove(known?.memoryBytes ?? 0, 4e9);
    }),
  );

  it(
    "the start of each program, on a GPU and on a core",
    inRig(async (rig) => {
      rig.write("nameless/config.json", "{}");
      const generate = (engine: string) =>
        `{ use: generate, from: { model: start, data: data }, with: { limit: 1, mode: end-to-end, max_tokens: 1, engine: ${engine} } }`;
      const stages = {
        transformers: generate("transformers"),
        vllm: generate("vllm"),
        llamafactory: `{ use: sft, from: { data: cot, model: start }, with: { trainer: llamafactory, llamafactory: { longest: 8 }, steps: 1, batch: 1 } }`,
        verl: `{ use: grpo, from: { data: data, model: start }, with: { trainer: verl, steps: 1, group: 2, prompts_per_step: 1, max_tokens: 1 } }`,
      };
      const lines = Object.entries(stages).flatMap(([name, stage]) => [
        `  ${name}: ${stage}`,
        `  ${name}_gpu: ${stage.replace("{ use", "{ resources: { gpus: 1 }, use")}`,
      ]);
      const data = study("path: nameless, parameters: 1000000", "").split("  e2e:")[0];
      const splits = data!.replace("test: 100", "train_sft: 1, train_rl: 1, test: 1");
      rig.write(
        "study.yaml",
        `${splits}  cot: { use: distill, from: { data: data } }\n${lines.join("\n")}\n`,
      );
      const all = await costs(rig, "study.yaml");
      const seconds = Object.keys(stages).map((name) =>
        [name, `${name}_gpu`].map((node) => Math.round(all.get(node)?.seconds ?? 0)),
      );
      // The work itself is of a token or a step: far less than a second.
      assert.deepStrictEqual(seconds, [
        [1, 8],
        [103, 70],
        [6, 28],
        [103, 148],
      ]);
    }),
  );

  it(
    "the size of a copied model by its files once they are in the store",
    inRig(async (rig) => {
      const floats = 1000;
      const header = Buffer.from(
        JSON.stringify({ a: { dtype: "F32", shape: [floats], data_offsets: [0, 4 * floats] } }),
      );
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(header.length));
      rig.write("tiny-1B/config.json", '{"model_type":"tiny"}');
      const weights = Buffer.concat([length, header, Buffer.alloc(4 * floats)]);
      fs.writeFileSync(rig.path("tiny-1B/model.safetensors"), weights);
      rig.write(
        "copy.yaml",
        `name: copy
stages:
  start: { use: pretrained, with: { path: tiny-1B } }
  base: { use: prepare, from: { model: start } }
`,
      );
      const named = (await costs(rig, "copy.yaml")).get("base");
      assert.deepStrictEqual([named?.memoryBytes, named?.diskBytes], [2e9, 2e9]);
      const { code, stderr } = await rig.pipe("run", "copy.yaml", "--only", "start");
      assert.strictEqual(code, 0, stderr);
      const known = (await costs(rig, "copy.yaml")).get("base");
      const bytes = weights.length + '{"model_type":"tiny"}'.length;
      assert.deepStrictEqual([known?.memoryBytes, known?.diskBytes], [bytes, bytes]);
    }),
  );

  it(
    "the number of weights changes no key",
    inRig(async (rig) => {
      rig.write("nameless/config.json", "{}");
      const recipe = async (start: string) => {
        rig.write("study.yaml", study(start, "max_tokens: 20"));
        const { stdout } = await rig.pipe("plan", "--json", "study.yaml");
        return jsonLines(stdout).find(({ node }) => node === "start")?.["recipe"];
      };
      const recipes = [
        await recipe("path: nameless"),
        await recipe("path: nameless, parameters: 7"),
      ];
      assert.isString(recipes[0]);
      assert.strictEqual(recipes[0], recipes[1]);
    }),
  );
});

describe("measured costs", () => {
  const stage: CostEstimate["stages"][number] = {
    name: "model",
    isOnGpu: false,
    due: [{ seconds: 78, tokens: 2000, memory: 9e8, disk: 1e6, deviceHours: 100 / 3600 }],
    unknown: undefined,
    measured: {
      nodes: 3,
      measuredSeconds: 100,
      modelSeconds: 78,
      measuredMemory: 1e9,
      modelMemory: 9e8,
    },
  };
  const assumptions = { gpu: "H200", responseTokens: 90 } as const;

  it("stand in the table instead of the model's, with the model's error", () => {
    const lines = costLines({ assumptions, costOf: new Map(), stages: [stage] });
    assert.match(lines.join("\n"), /^ {2}model +1 +2 k +0\.028 core +900 MB +1\.0 MB$/mu);
    assert.include(
      lines,
      "earlier runs of model: 1 m 40 s (model -22 %), memory 1.0 GB (-10 %), n = 3",
    );
  });

  it("are told alone where nothing is due", () => {
    const lines = costLines({ assumptions, costOf: new Map(), stages: [{ ...stage, due: [] }] });
    assert.strictEqual(lines.length, 1);
  });
});
