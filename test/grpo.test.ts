/** Reinforcement learning on the real parts: a model, its responses, and `pipe score` beside the trainer. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import fs from "node:fs";
import zlib from "node:zlib";
import { eachRow } from "../kinds/Dataset.ts";
import type { Measurements } from "../kinds/MeasurementsFile.ts";
import { scoreTranscript } from "../tasks/score.ts";
import { inRig, jsonLines, type Rig } from "./rig/Rig.ts";

const minutes = 60_000;

const study = `
name: small
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, vertices: 5 }
      image: { size: 64, color: false }
      splits: { train_sft: 100, train_rl: 12, validation: 3 }
  cot:   { use: distill, from: { data: data } }
  start: { use: sft, from: { data: cot }, with: { steps: 40, batch: 8 } }
  model:
    use: grpo
    from: { model: start, data: data }
    with: { alpha: 0.5, group: 2, prompts_per_step: 3, steps: 2, max_tokens: 60 }
  said:
    use: rollout
    from: { model: model, data: data, captioner: start }
    with: { group: 2, counterfactual: 2, surrogates: [teacher, blind-solve], max_tokens: 60 }
  attempts: { use: groups, from: { rollouts: { all: model } }, with: { rewards: [total] } }
`;

const artifactOf = async (rig: Rig, node: string): Promise<string> => {
  const { stdout } = await rig.pipe("show", "--json", node);
  const { artifact } = JSON.parse(stdout) as { readonly artifact: { readonly digest: string } };
  return rig.path(".pipe/trees", artifact.digest);
};

describe("reinforcement learning", () => {
  it(
    "is rewarded by the one scorer, and leaves a model and its rollouts",
    inRig(async (rig) => {
      rig.write("small.yaml", study);
      const { code, stderr } = await rig.pipe("run", "small.yaml");
      assert.strictEqual(code, 0, stderr);

      const model = await artifactOf(rig, "model");
      const packed = fs.readFileSync(`${model}/rollouts.jsonl.gz`);
      const trained = jsonLines(zlib.gunzipSync(packed).toString());
      assert.strictEqual(trained.length, 2 * 3 * 2);
      assert.isTrue(fs.existsSync(`${model}/model.safetensors`));

      // Two responses to a prompt come to pass@2, also those of a training.
      const pairs = Array.from({ length: 6 }, (_, pair) => trained.slice(2 * pair, 2 * pair + 2));
      const passed = pairs.filter((pair) => pair.some(({ outcome }) => outcome === true)).length;
      const attempts = JSON.parse(
        fs.readFileSync(`${await artifactOf(rig, "attempts")}/measurements.json`, "utf8"),
      ) as Measurements;
      assert.closeTo(attempts.rows[1]!.values["pass@k"]!, passed / 6, 1e-12);
      assert.hasAllKeys(attempts.rows[1]!.values, [
        "pass@k",
        "best@k total",
        "differ@k outcome",
        "differ@k total",
      ]);

      const said = await artifactOf(rig, "said");
      const rollouts = jsonLines(fs.readFileSync(`${said}/rollouts.jsonl`, "utf8"));
      assert.deepStrictEqual(
        rollouts.map(({ mode }) => mode),
        [...Array(6).fill("end-to-end"), ...Array(6).fill("counterfactual")],
      );

      const data = await artifactOf(rig, "data");
      const rows = await truths(data);
      for (const line of [...trained, ...rollouts]) {
        const score = scoreTranscript({ ...line, ...rows.get(String(line["id"])) });
        if ("error" in score) assert.fail(score.error);
        for (const part of ["outcome", "perception", "consistent", "reason"] as const)
          assert.strictEqual(line[part], score[part], JSON.stringify(line));
      }
    }),
    10 * minutes,
  );

  it.each([
    ["minibatches: 4", "3 prompts a step can't be cut into 4 mini-batches"],
    ["ratio: sequence", "with one update a step every ratio is 1"],
    ["credit: span, per_reward: true", "`credit: span` normalises each reward separately already"],
  ])("is refused before anything starts with %s", (params, message) =>
    inRig(async (rig) => {
      rig.write(
        "small.yaml",
        study.replace("prompts_per_step: 3", `prompts_per_step: 3, ${params}`),
      );
      const { code, stderr } = await rig.pipe("run", "small.yaml");
      assert.strictEqual(code, 2);
      assert.include(stderr, message);
      assert.match(stderr, /small\.yaml:\d+:\d+ error: /u);
      assert.isFalse(fs.existsSync(rig.path(".pipe")));
    })(),
  );
});

const truths = async (data: string) => {
  const rows = new Map<string, object>();
  for (const split of ["train_rl", "validation"])
    await Effect.runPromise(
      eachRow(data, split, { images: false }, ({ id, task, ground_truth, perception }) =>
        rows.set(id, { task, ground_truth, perception }),
      ),
    );
  return rows;
};
