/**
 * Stage `rollout`: samples groups of responses from a model, without training it, and writes every part of their rewards.
 * The trainer is `trainers/rollout.py`.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { NotNegative, Positive, PositiveNumber, Seed, Several } from "../schemas/numbers.ts";
import { splitNames } from "../tasks/split.ts";
import { pipeEnvironment } from "./environments.ts";
import {
  endpointParams,
  endpointsOutsideKey,
  samplingInputs,
  surrogates,
  surrogateProblems,
} from "./sampling.ts";
import { usedRows } from "./splitRows.ts";
import { stage } from "./Stage.ts";

const Params = Schema.Struct({
  split: Schema.Literals(splitNames)
    .annotate({ description: "the split whose pictures are the prompts" })
    .pipe(byDefault("validation")),
  limit: Schema.NullOr(Positive)
    .annotate({ description: "only the first rows of the split; null: all" })
    .pipe(byDefault(null)),
  group: Several.annotate({ description: "responses a prompt" }).pipe(byDefault(16)),
  counterfactual: NotNegative.annotate({
    description: "further responses a prompt, from the oracle caption",
  }).pipe(byDefault(0)),
  surrogates: Schema.Array(Schema.Literals(surrogates))
    .check(Schema.isUnique())
    .annotate({ description: "surrogates computed for every response, exact and as F1" })
    .pipe(byDefault([])),
  ...endpointParams,
  temperature: PositiveNumber.annotate({ description: "softmax temperature of sampling" }).pipe(
    byDefault(1),
  ),
  max_tokens: Schema.NullOr(Positive)
    .annotate({
      description:
        "longest response, in tokens; by default what the model was trained on, so a pretrained one needs it",
    })
    .pipe(byDefault(null)),
  batch: Positive.annotate({ description: "responses sampled in one batch; whole groups" }).pipe(
    byDefault(256),
  ),
  seed: Seed.annotate({ description: "of sampling" }).pipe(byDefault(0)),
});

export const Rollout = stage({
  name: "rollout",
  version: 7,
  summary: "samples groups of responses from a model, with every part of their rewards",
  example: `sampled:
  use: rollout
  from: { model: model, data: data }
  with: { limit: 150, group: 16, surrogates: [consensus, blind-solve] }`,
  params: Params,
  outsideKey: endpointsOutsideKey,
  inputs: samplingInputs(({ surrogates: named }: typeof Params.Type) => named),
  output: "rollouts",
  check: (params, around) => surrogateProblems(params.surrogates, ["surrogates"], params, around),
  work: (params, maker) => {
    const rows = usedRows(maker("data"), params);
    return rows === undefined ? undefined : rows * (params.group + params.counterfactual);
  },
  trainers: ["rollout"],
  scorer: true,
  environment: () => pipeEnvironment,
});
