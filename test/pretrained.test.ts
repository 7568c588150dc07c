/** A model of another making goes the whole way: brought in as a directory, trained, asked, correlated. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import zlib from "node:zlib";
import { ensurePython } from "../executors/PythonEnvironment.ts";
import { root } from "../schemas/root.ts";
import { pipeEnvironment } from "../stages/environments.ts";
import { inRig, jsonLines, type Rig } from "./rig/Rig.ts";

const minutes = 60_000;

const transcripts = `
name: other
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, vertices: 4 }
      image: { size: 32, color: false }
      splits: { train_sft: 60, train_rl: 8, validation: 3 }
  cot:   { use: distill, from: { data: data } }
`;

const study = `${transcripts}
  start: { use: pretrained, with: { path: theirs } }
  model:
    use: grpo
    from: { model: start, data: data }
    with: { alpha: 0.5, perception: oracle-f1, group: 4, prompts_per_step: 4, steps: 2, batch: 8, learning_rate: 1e-3, max_tokens: 100 }
  said:
    use: rollout
    from: { model: model, data: data }
    with: { group: 4, counterfactual: 2, surrogates: [blind-solve], max_tokens: 100 }
  corr: { use: correlate, from: { rollouts: { all: said } } }
`;

/** A language model with a new vision tower, in the way of experiments/gpu/sft-smollm2.yaml. */
const sighted = `${transcripts}
  text: { use: pretrained, with: { path: theirs } }
  base: { use: prepare, from: { model: text, data: data }, with: { vision: { pixels: 32 } } }
  words: { use: sft, from: { data: cot, model: base }, with: { freeze: vision, learn: caption, steps: 2, batch: 8 } }
  eyes:
    use: sft
    from: { data: cot, model: words, validation: data }
    with: { freeze: text, learn: caption, steps: 10, batch: 8, learning_rate: 5e-3, validate: { every: 10 } }
  model:
    use: sft
    from: { data: cot, model: eyes }
    with: { loss: { kind: ngdiff }, steps: 20, batch: 8, learning_rate: 5e-3 }
  answers:
    use: generate
    from: { model: model, data: data }
    with: { mode: both, split: validation, max_tokens: 120 }
  scores: { use: score, from: { data: data, end_to_end: answers, counterfactual: answers } }
  table:  { use: summarize, from: { scores: { all: scores } } }
`;

const makeModel = async (rig: Rig, name: string, steps: number): Promise<void> => {
  rig.write("transcripts.yaml", transcripts);
  await done(rig, "run", "transcripts.yaml");
  const { python } = await ensurePython(pipeEnvironment, () => {});
  const make = `${root}/test/trainers/tiny_models.py`;
  const given = [make, name, rig.path("theirs"), await artifactOf(rig, "cot"), String(steps)];
  execFileSync(python, given, {
    env: { PYTHONPATH: root, OMP_NUM_THREADS: "1" },
    stdio: ["ignore", "ignore", "inherit"],
  });
};

const artifactOf = async (rig: Rig, node: string): Promise<string> => {
  const { stdout } = await rig.pipe("show", "--json", node);
  return (JSON.parse(stdout) as { readonly directory: string }).directory;
};

const done = async (rig: Rig, ...args: ReadonlyArray<string>): Promise<void> => {
  const { code, stderr } = await rig.pipe(...args);
  assert.strictEqual(code, 0, stderr);
};

describe("a model directory that no stage of ours has made", () => {
  it(
    "is trained by the same rewards, asked and correlated",
    inRig(async (rig) => {
      await makeModel(rig, "llava", 60);
      fs.mkdirSync(rig.path("theirs/.cache"));
      rig.write("theirs/.cache/downloaded", "just now");

      rig.write("study.yaml", study);
      await done(rig, "run", "study.yaml");
      const start = await artifactOf(rig, "start");
      assert.isFalse(fs.existsSync(`${start}/.cache`));

      const model = await artifactOf(rig, "model");
      const trained = jsonLines(
        zlib.gunzipSync(fs.readFileSync(`${model}/rollouts.jsonl.gz`)).toString(),
      );
      assert.strictEqual(trained.length, 2 * 4 * 4);
      assert.isTrue(
        trained.some(({ advantage }) => advantage !== 0),
        "some response was better than another",
      );
      const weights = "model.safetensors";
      assert.isFalse(
        fs.readFileSync(`${model}/${weights}`).equals(fs.readFileSync(`${start}/${weights}`)),
      );

      const said = await artifactOf(rig, "said");
      const rollouts = jsonLines(fs.readFileSync(`${said}/rollouts.jsonl`, "utf8"));
      assert.deepStrictEqual(
        rollouts.map(({ mode, perception }) => mode === "counterfactual" && perception),
        [...Array(12).fill(false), ...Array(6).fill(true)],
      );
      const { stdout: table } = await rig.pipe("table");
      assert.include(table, "model: LlavaForConditionalGeneration");
      const correlations = await artifactOf(rig, "corr");
      assert.include(fs.readdirSync(correlations).join(" "), "correlations.json");
    }),
    10 * minutes,
  );

  it(
    "gets a vision tower if it knows words alone, and is trained, asked and scored",
    inRig(async (rig) => {
      await makeModel(rig, "text", 0);
      rig.write("study.yaml", sighted);
      await done(rig, "run", "study.yaml");
      const steps = jsonLines(
        fs.readFileSync(`${await artifactOf(rig, "model")}/metrics.jsonl`, "utf8"),
      );
      const shares = ["token_share_p", "loss_share_p", "grad_share_p"];
      for (const name of [...shares, "grad_norm_vision"])
        assert.isAbove(Number(steps.at(-1)?.[name]), 0, name);
      assert.isBelow(Number(steps.at(-1)?.["L_r"]), Number(steps[0]?.["L_r"]));
      const [seen] = jsonLines(
        fs.readFileSync(`${await artifactOf(rig, "eyes")}/metrics.jsonl`, "utf8"),
      );
      assert.containsAllKeys(seen, ["L_p", "grad_norm_vision", "val_a_p"]);
      assert.doesNotHaveAnyKeys(seen, ["L_r", "grad_norm_text", "val_a_r"]);
      const { stdout } = await rig.pipe("table");
      assert.include(stdout, "model: Idefics3ForConditionalGeneration");
    }),
    10 * minutes,
  );

  it(
    "is refused where it is none",
    inRig(async (rig) => {
      rig.write("theirs/config.json", "{}");
      rig.write("study.yaml", study);
      const { code, stderr } = await rig.pipe("run", "study.yaml");
      assert.strictEqual(code, 1);
      assert.include(stderr, "theirs is not a model directory: it has no *.safetensors");
    }),
  );

  it(
    "is refused where a download broke off, before anything is made from it",
    inRig(async (rig) => {
      rig.write("theirs/config.json", JSON.stringify({ model_type: "llava" }));
      rig.write("theirs/model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
      rig.write(
        "study.yaml",
        `name: s\nstages: { start: { use: pretrained, with: { path: theirs } } }\n`,
      );
      const { code, stderr } = await rig.pipe("run", "study.yaml");
      assert.strictEqual(code, 1);
      assert.include(
        stderr,
        "theirs is not a model directory: its model.safetensors has no header",
      );
      assert.include(stderr, "git lfs pull");
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/trees")), []);
    }),
  );

  it(
    "ends what it was brought in for with one message, where only loading it can tell what is wrong",
    inRig(async (rig) => {
      rig.write("theirs/config.json", JSON.stringify({ model_type: "from-tomorrow" }));
      rig.write("theirs/model.safetensors", "\u0002\0\0\0\0\0\0\0{}");
      const asked = `  said: { use: generate, from: { model: start, data: data }, with: { mode: end-to-end, split: validation } }`;
      const start = `  start: { use: pretrained, with: { path: theirs } }`;
      rig.write("study.yaml", `${transcripts}${start}\n${asked}\n`);
      const { code, stderr } = await rig.pipe("run", "study.yaml");
      assert.strictEqual(code, 1, stderr);
      assert.match(stderr, /^✗ said +failed after .*\n {2}The input is no image-text model/mu);
      assert.strictEqual(stderr.split("The input is no image-text model").length, 2, stderr);
      assert.strictEqual(stderr.split("Give a directory that AutoModel").length, 2, stderr);
      assert.notInclude(stderr, "Traceback");
      assert.match(stderr, /^ {2}kept in /mu);
      assert.match(
        stderr,
        /^ {2}said failed \(see above\)\ncontinue with: npx pipe run study.yaml/mu,
      );
      const { stdout } = await rig.pipe("logs", "other-1/said");
      assert.include(stdout, "The input is no image-text model");
    }),
  );
});
