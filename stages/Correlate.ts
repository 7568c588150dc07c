/**
 * Stage `correlate`: correlations of the outcome reward and of each surrogate with perception (the caption is p*), with
 * reasoning from the model's own caption, and with counterfactual reasoning on the same prompts.
 *
 * Three readings: pooled over rollouts, group-centred (the variation that GRPO learns from), and of prompt means. Intervals
 * come from resampling prompts. For several checkpoints, also the rank correlation of their means.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Seed } from "../schemas/numbers.ts";
import { noSteps, RolloutSteps } from "./rolloutSteps.ts";
import { stage } from "./Stage.ts";

const Params = Schema.Struct({
  resamples: Schema.Int.check(Schema.isGreaterThanOrEqualTo(100))
    .annotate({ description: "resamples of the prompts for the intervals" })
    .pipe(byDefault(2000)),
  seed: Seed.annotate({ description: "seed of the resamples" }).pipe(byDefault(0)),
  steps: RolloutSteps,
});

export const Correlate = stage({
  name: "correlate",
  version: 4,
  summary: "correlates rewards with perception and reasoning in rollouts",
  example: `correlations:
  use: correlate
  from: { rollouts: { all: sampled } }`,
  params: Params,
  // A trained model has the rollouts of its training; `files` may have rollouts of other programs.
  inputs: { rollouts: { kinds: ["rollouts", "model", "files"], many: true } },
  output: "correlations",
  check: noSteps,
});
