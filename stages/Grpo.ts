/**
 * Stage `grpo`: reinforcement learning from a model, with R = α·p + (1−α)·a as the reward. The trainer is `trainers/grpo.py`, where
 * the algorithm and its departures from verl are described; the model's tree also has every step's metrics and rollouts.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { splitNames } from "../tasks/split.ts";
import { type ComplaintAboutParams, stage } from "./Stage.ts";
import {
  directoriesOf,
  endpointParams,
  endpointsOutsideKey,
  keyVariables,
  samplingInputs,
  wrongAboutSurrogates,
} from "./sampling.ts";
import { runTrainer, trainerLocks } from "./trainer.ts";

const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));
const Positive = Schema.Int.check(Schema.isGreaterThan(0));
const notNegative = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const positiveNumber = Schema.Finite.check(Schema.isGreaterThan(0));

const As = Schema.Literals(["exact", "f1"]).pipe(byDefault("exact"));

const Perception = Schema.Union([
  Schema.Literals(["oracle", "oracle-f1"]).annotate({
    description: "oracle: the caption is p*, or not; oracle-f1: its F1 against p*",
  }),
  Schema.Struct({ surrogate: Schema.Literal("teacher"), as: As }).annotate({
    description:
      "agreement with what `captioner`, an input or an endpoint, writes for the same picture",
  }),
  Schema.Struct({ surrogate: Schema.Literal("consensus"), as: As }).annotate({
    description: "agreement with the caption that most of the group wrote",
  }),
  Schema.Struct({ surrogate: Schema.Literal("blind-solve") }).annotate({
    description:
      "whether the caption alone leads to a right answer: by the policy itself or, where there is one, `solver`, an input or an endpoint",
  }),
]);

const Coefficient = Schema.Finite.check(Schema.isGreaterThan(0));
const Kl = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("none") }),
  Schema.Struct({ kind: Schema.Literal("k3"), coefficient: Coefficient }).annotate({
    description: "the estimate of KL(policy ‖ start) that verl calls low_var_kl",
  }),
  Schema.Struct({ kind: Schema.Literal("exact"), coefficient: Coefficient }).annotate({
    description: "KL(policy ‖ start) over the vocabulary, at every sampled position",
  }),
]);

const DynamicSampling = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("none") }),
  Schema.Struct({ kind: Schema.Literal("drop") }).annotate({
    description: "groups whose rewards are all equal are left out",
  }),
  Schema.Struct({
    kind: Schema.Literal("refill"),
    waves: Schema.Int.check(Schema.isGreaterThan(1)),
  }).annotate({
    description: "and others are sampled in their place, in as many waves at most",
  }),
]);

const Params = Schema.Struct({
  split: Schema.Literals(splitNames)
    .annotate({ description: "whose pictures are the prompts" })
    .pipe(byDefault("train_rl")),
  prompts: Schema.Literals(["split", "stream"])
    .annotate({
      description: "split: around and around, reshuffled; stream: each picture once, in order",
    })
    .pipe(byDefault("split")),
  alpha: Share.annotate({ description: "α in R = α·p + (1−α)·a" }).pipe(byDefault(0)),
  perception: Perception.annotate({ description: "p in R = α·p + (1−α)·a" }).pipe(
    byDefault("oracle"),
  ),
  ...endpointParams,
  group: Schema.Int.check(Schema.isGreaterThan(1))
    .annotate({ description: "responses a prompt" })
    .pipe(byDefault(8)),
  prompts_per_step: Positive.pipe(byDefault(16)),
  steps: Positive.pipe(byDefault(50)),
  minibatches: Positive.annotate({ description: "updates a step" }).pipe(byDefault(1)),
  epochs: Positive.annotate({ description: "times that a step's responses are gone over" }).pipe(
    byDefault(1),
  ),
  temperature: positiveNumber.pipe(byDefault(1)),
  max_tokens: Schema.NullOr(Positive)
    .annotate({
      description:
        "longest response; by default what the model was trained on, so a pretrained one needs it",
    })
    .pipe(byDefault(null)),
  normalize: Schema.Literals(["group-std", "none"])
    .annotate({ description: "none: advantages are not divided by the group's std (Dr. GRPO)" })
    .pipe(byDefault("group-std")),
  std: Schema.Literals(["unbiased", "population"])
    .annotate({ description: "unbiased is verl's" })
    .pipe(byDefault("unbiased")),
  per_reward: Schema.Boolean.annotate({
    description: "p and a are normalised apart, then added (GDPO)",
  }).pipe(byDefault(false)),
  dynamic_sampling: DynamicSampling.annotate({
    description: "what becomes of groups whose rewards are all equal (DAPO)",
  }).pipe(byDefault({ kind: "none" })),
  clip_low: positiveNumber.pipe(byDefault(0.2)),
  clip_high: positiveNumber.annotate({ description: "0.28 is DAPO's" }).pipe(byDefault(0.2)),
  dual_clip: Schema.NullOr(Schema.Finite.check(Schema.isGreaterThan(1)))
    .annotate({ description: "bound on the loss of a bad response, in advantages" })
    .pipe(byDefault(3)),
  aggregate: Schema.Literals(["token-mean", "sequence-mean", "constant"])
    .annotate({ description: "constant: divided by the longest response allowed (Dr. GRPO)" })
    .pipe(byDefault("token-mean")),
  kl: Kl.pipe(byDefault({ kind: "none" })),
  learning_rate: positiveNumber.pipe(byDefault(6e-5)),
  warmup: notNegative.annotate({ description: "steps of linear warm-up" }).pipe(byDefault(10)),
  schedule: Schema.Literals(["constant", "cosine"])
    .annotate({ description: "cosine falls to a tenth at the last step" })
    .pipe(byDefault("constant")),
  weight_decay: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).pipe(byDefault(0)),
  grad_clip: positiveNumber.pipe(byDefault(1)),
  batch: Positive.annotate({
    description: "responses whose gradients are computed at once; whole groups",
  }).pipe(byDefault(64)),
  record_every: Positive.annotate({
    description: "the rollouts of every so many steps, and of the last, are kept",
  }).pipe(byDefault(1)),
  seed: Schema.Int.pipe(byDefault(0)),
});

type Params = typeof Params.Type;

const asked = ({ perception }: Params) =>
  typeof perception === "string" ? [] : [perception.surrogate];

/** A mini-batch has whole groups, so there are no more of them than prompts. */
const tooManyMinibatches = ({
  minibatches,
  prompts_per_step,
}: typeof Params.Type): ReadonlyArray<ComplaintAboutParams> =>
  minibatches <= prompts_per_step
    ? []
    : [
        {
          path: ["minibatches"],
          message: `${prompts_per_step} prompts a step can't be cut into ${minibatches} mini-batches of whole groups`,
          expected: `at most prompts_per_step, ${prompts_per_step}`,
        },
      ];

const trainer = "grpo";

export const Grpo = stage({
  name: "grpo",
  version: 3,
  summary: "trains a model on its own responses, rewarded for what it saw and what came out",
  params: Params,
  outsideKey: endpointsOutsideKey,
  inputs: samplingInputs,
  output: "model",
  check: (params, around) => [
    ...wrongAboutSurrogates(asked(params), ["perception"], params, around),
    ...tooManyMinibatches(params),
  ],
  // A schedule that looks at the last step makes every step depend on how many there are.
  horizon: ({ schedule }) => (schedule === "cosine" ? [] : ["steps"]),
  trainer,
  scorer: true,
  environment: trainerLocks,
  run: (context) =>
    runTrainer(trainer, context, directoriesOf(context.inputs), {
      rewards: true,
      secrets: keyVariables(asked(context.params), context.params),
    }),
});
