/** Stage `grpo` with `trainer: verl`: what verl can't do is refused, and the trainer gets the params that it declares. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { expectedOfGrpo } from "../../stages/Grpo.audit.ts";
import { grpoJob } from "../../stages/Grpo.run.ts";
import { Grpo } from "../../stages/Grpo.ts";
import { root } from "../../schemas/root.ts";

const decode = Schema.decodeUnknownSync(Grpo.params);
const around = { inputs: ["model", "data"], axes: [], labels: {}, overridden: [] };

const problems = (params: object): ReadonlyArray<string> =>
  Grpo.check!(decode(params), around).map((problem) =>
    "message" in problem ? `${problem.path.join(".")}: ${problem.message}` : problem.name,
  );

describe("grpo by verl", () => {
  it("takes what verl can do", () => {
    assert.deepStrictEqual(problems({ trainer: "verl", max_tokens: 90 }), []);
    const study = { kl: { kind: "k3", coefficient: 0.01 }, aggregate: "constant", minibatches: 2 };
    const own = { tensor_parallel: 2, offload: true };
    assert.deepStrictEqual(problems({ trainer: "verl", max_tokens: 9, verl: own, ...study }), []);
  });

  it("refuses, all at once, what only the trainer pipe has", () => {
    const found = problems({
      trainer: "verl",
      credit: "span",
      ratio: "sequence",
      alpha_end: 1,
      perception: { surrogate: "consensus" },
      kl: { kind: "exact", coefficient: 0.1 },
      dual_clip: null,
    });
    assert.deepStrictEqual(found, [
      "alpha_end: `alpha_end` is one of the trainer `pipe`",
      "credit: `credit` is one of the trainer `pipe`",
      "ratio: `ratio` is one of the trainer `pipe`",
      "perception: verl rewards each response by itself, without its group and without a model",
      "kl: verl has no exact divergence, only estimates",
      "dual_clip: verl needs `dual_clip`",
      "max_tokens: verl needs `max_tokens`",
    ]);
  });

  it("refuses verl's settings for the trainer pipe", () => {
    assert.deepStrictEqual(problems({ verl: { offload: true } }), [
      "verl: the trainer `pipe` does not read `verl`",
    ]);
  });

  it("gives each trainer the params that its Python declares, and no other", () => {
    for (const [trainer, file] of [
      ["pipe", "grpo.py"],
      ["verl", "verl_settings.py"],
    ] as const) {
      const job = grpoJob(decode({ trainer, max_tokens: 90 }), { gpus: 1 });
      assert.deepStrictEqual(Object.keys(job.params).toSorted(), declaredIn(file));
    }
  });

  it("takes its share of the part of a GPU that it has", () => {
    const params = decode({ trainer: "verl", max_tokens: 90, verl: { gpu_memory: 0.6 } });
    const taken = [0, 0.5, 1, 2].map((gpus) =>
      new Map<string, unknown>(Object.entries(grpoJob(params, { gpus }).params)).get("gpu_memory"),
    );
    assert.deepStrictEqual(taken, [0.6, 0.3, 0.6, 0.6]);
  });

  it("starts a new pass where the rest of one does not fill a step", () => {
    const params = decode({ trainer: "verl", max_tokens: 9, prompts_per_step: 2, steps: 3 });
    const expected = expectedOfGrpo(params, {
      ids: ["a", "b", "c", "d", "e"],
      version: 3,
      resumedFrom: undefined,
    });
    const rounds = [1, 2, 3].map((step) => expected.slot(step, 0)?.round);
    assert.deepStrictEqual(rounds, [0, 0, 1]);
  });
});

/** The fields of the class `Params` of a trainer. */
const declaredIn = (file: string): ReadonlyArray<string> => {
  const [, after = ""] = fs
    .readFileSync(path.join(root, "trainers", file), "utf8")
    .split("class Params:\n");
  const [body = ""] = after.split(/\n {4}def |\n\n\n/u);
  return [...body.matchAll(/^ {4}(\w+): /gmu)].map(([, name]) => name!).toSorted();
};
