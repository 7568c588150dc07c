/**
 * Stage `rollout`: samples groups of responses from a model and writes every part of their rewards, without training it. The
 * trainer is `trainers/rollout.py`.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { splitNames } from "../tasks/split.ts";
import {
  directoriesOf,
  endpointParams,
  endpointsOutsideKey,
  keyVariables,
  samplingInputs,
  surrogates,
  wrongAboutSurrogates,
} from "./sampling.ts";
import { stage } from "./Stage.ts";
import { runTrainer, trainerLocks } from "./trainer.ts";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));

const Params = Schema.Struct({
  split: Schema.Literals(splitNames).pipe(byDefault("validation")),
  limit: Schema.NullOr(Positive)
    .annotate({ description: "only the first rows of the split" })
    .pipe(byDefault(null)),
  group: Schema.Int.check(Schema.isGreaterThan(1))
    .annotate({ description: "responses a prompt" })
    .pipe(byDefault(16)),
  counterfactual: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
    .annotate({ description: "responses a prompt from the oracle caption, besides" })
    .pipe(byDefault(0)),
  surrogates: Schema.Array(Schema.Literals(surrogates))
    .check(Schema.isUnique())
    .annotate({ description: "which of them are computed for every response, exact and as F1" })
    .pipe(byDefault([])),
  ...endpointParams,
  temperature: Schema.Finite.check(Schema.isGreaterThan(0)).pipe(byDefault(1)),
  max_tokens: Schema.NullOr(Positive)
    .annotate({
      description:
        "longest response; by default what the model was trained on, so a pretrained one needs it",
    })
    .pipe(byDefault(null)),
  batch: Positive.annotate({ description: "responses sampled at once; whole groups" }).pipe(
    byDefault(256),
  ),
  seed: Schema.Int.pipe(byDefault(0)),
});

const trainer = "rollout";

export const Rollout = stage({
  name: "rollout",
  version: 2,
  summary: "samples groups of responses from a model, with every part of their rewards",
  params: Params,
  outsideKey: endpointsOutsideKey,
  inputs: samplingInputs,
  output: "rollouts",
  check: (params, around) =>
    wrongAboutSurrogates(params.surrogates, ["surrogates"], params, around),
  trainer,
  scorer: true,
  environment: trainerLocks,
  run: (context) =>
    runTrainer(trainer, context, directoriesOf(context.inputs), {
      rewards: true,
      secrets: keyVariables(context.params.surrogates, context.params),
    }),
});
