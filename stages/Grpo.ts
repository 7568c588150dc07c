/**
 * Stage `grpo`: reinforcement learning with the reward R = α·p + (1−α)·a. The trainers are `trainers/grpo.py`, which describes
 * the algorithm and its departures from verl, and `trainers/grpo_verl.py`, verl itself. The model's tree also has the metrics and
 * rollouts of every step.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import {
  NotNegative,
  NotNegativeNumber,
  Positive,
  PositiveNumber,
  Seed,
  Several,
  Share,
} from "../schemas/numbers.ts";
import { splitNames } from "../tasks/split.ts";
import { pipeEnvironment, verlEnvironment } from "./environments.ts";
import { Verl, verlOutsideKey, verlProblems } from "./grpoVerl.ts";
import { checkPrompts } from "./checkPrompts.ts";
import { microProblems } from "./microModel.ts";
import { type ParamsProblem, stage } from "./Stage.ts";
import { checkValidation, validateParam } from "./validate.ts";
import {
  endpointParams,
  endpointsOutsideKey,
  samplingInputs,
  surrogateProblems,
} from "./sampling.ts";

const As = Schema.Literals(["exact", "f1"])
  .annotate({ description: "exact: 1 for an equal caption, else 0; f1: the F1 of its parts" })
  .pipe(byDefault("exact"));

const Perception = Schema.Union([
  Schema.Literals(["oracle", "oracle-f1"]).annotate({
    description: "oracle: the caption is p*, or not; oracle-f1: its F1 against p*",
  }),
  Schema.Struct({ surrogate: Schema.Literal("teacher"), as: As }).annotate({
    description:
      "agreement with what `captioner`, an input or an endpoint, writes for the same picture",
  }),
  Schema.Struct({ surrogate: Schema.Literal("vote"), as: As }).annotate({
    description:
      "the mean of the agreements with what each of `captioners`, a fan-in of models, writes for the same picture",
  }),
  Schema.Struct({ surrogate: Schema.Literal("consensus"), as: As }).annotate({
    description: "agreement with the group's most common caption",
  }),
  Schema.Struct({ surrogate: Schema.Literal("blind-solve") }).annotate({
    description:
      "whether the caption alone leads to a right answer: by the policy itself or, where there is one, `solver`, an input or an endpoint",
  }),
  Schema.Struct({ surrogate: Schema.Literal("likelihood") }).annotate({
    description: "the probability that the policy itself gives to the whole caption",
  }),
]);

const Coefficient = PositiveNumber.annotate({ description: "weight of the penalty in the loss" });

const Kl = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("none") }).annotate({ description: "no penalty" }),
  Schema.Struct({ kind: Schema.Literal("k3"), coefficient: Coefficient }).annotate({
    description: "the estimate of KL(policy ‖ start) that verl calls low_var_kl",
  }),
  Schema.Struct({ kind: Schema.Literal("exact"), coefficient: Coefficient }).annotate({
    description: "KL(policy ‖ start) over the vocabulary, at every sampled position",
  }),
]);

const DynamicSampling = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("none") }).annotate({ description: "keeps them" }),
  Schema.Struct({ kind: Schema.Literal("drop") }).annotate({
    description: "leaves out groups whose rewards are all equal",
  }),
  Schema.Struct({
    kind: Schema.Literal("refill"),
    waves: Several.annotate({ description: "most waves of sampling in a step" }),
  }).annotate({
    description: "samples others in their place, in at most `waves` waves",
  }),
]);

const Params = Schema.Struct({
  trainer: Schema.Literals(["pipe", "verl"])
    .annotate({
      description:
        "pipe: on this machine's one device; verl: by Ray, FSDP and vLLM, on one GPU or several",
    })
    .pipe(byDefault("pipe")),
  verl: Verl.annotate({ description: "what only the trainer verl reads" }).pipe(byDefault({})),
  split: Schema.Literals(splitNames)
    .annotate({ description: "the split whose pictures are the prompts" })
    .pipe(byDefault("train_rl")),
  prompts: Schema.Literals(["split", "stream"])
    .annotate({
      description: "split: pass after pass, reshuffled; stream: each picture once, in order",
    })
    .pipe(byDefault("split")),
  alpha: Share.annotate({ description: "α in R = α·p + (1−α)·a" }).pipe(byDefault(0)),
  alpha_end: Schema.NullOr(Share)
    .annotate({ description: "α of the last step, to which it changes linearly from `alpha`" })
    .pipe(byDefault(null)),
  perception: Perception.annotate({ description: "p in R = α·p + (1−α)·a" }).pipe(
    byDefault("oracle"),
  ),
  ...endpointParams,
  group: Several.annotate({ description: "responses a prompt" }).pipe(byDefault(8)),
  prompts_per_step: Positive.annotate({
    description: "prompts a step, each with a group of responses",
  }).pipe(byDefault(16)),
  steps: Positive.annotate({ description: "steps of sampling and updating" }).pipe(byDefault(50)),
  minibatches: Positive.annotate({ description: "updates a step" }).pipe(byDefault(1)),
  epochs: Positive.annotate({ description: "passes over a step's responses" }).pipe(byDefault(1)),
  temperature: PositiveNumber.annotate({ description: "softmax temperature of sampling" }).pipe(
    byDefault(1),
  ),
  max_tokens: Schema.NullOr(Positive)
    .annotate({
      description:
        "longest response, in tokens; by default what the model was trained on, so a pretrained one needs it",
    })
    .pipe(byDefault(null)),
  normalize: Schema.Literals(["group-std", "none"])
    .annotate({
      description:
        "group-std: advantages are divided by the group's standard deviation; none: they are not (Dr. GRPO)",
    })
    .pipe(byDefault("group-std")),
  std: Schema.Literals(["unbiased", "population"])
    .annotate({
      description: "divisor of the group's variance: unbiased n − 1 (verl's), population n",
    })
    .pipe(byDefault("unbiased")),
  per_reward: Schema.Boolean.annotate({
    description: "normalises p and a separately, then adds them (GDPO)",
  }).pipe(byDefault(false)),
  credit: Schema.Literals(["response", "span"])
    .annotate({
      description:
        "response: all tokens have the advantage of R; span: the caption's have α times that of p, the others 1−α times that of a, each normalised separately",
    })
    .pipe(byDefault("response")),
  dynamic_sampling: DynamicSampling.annotate({
    description: "treatment of groups whose rewards are all equal (DAPO)",
  }).pipe(byDefault({ kind: "none" })),
  clip_low: PositiveNumber.annotate({
    description: "the ratio of probabilities is clipped below at 1 − clip_low",
  }).pipe(byDefault(0.2)),
  clip_high: PositiveNumber.annotate({
    description: "the ratio of probabilities is clipped above at 1 + clip_high; 0.28 is DAPO's",
  }).pipe(byDefault(0.2)),
  dual_clip: Schema.NullOr(Schema.Finite.check(Schema.isGreaterThan(1)))
    .annotate({
      description: "upper bound on the loss of a bad response, as a multiple of its advantage",
    })
    .pipe(byDefault(3)),
  ratio: Schema.Literals(["token", "sequence"])
    .annotate({
      description:
        "the ratio of probabilities that is clipped: each token's, or the geometric mean over the response (GSPO, with aggregate: sequence-mean, dual_clip: null and a clip of about 0.0003); sequence needs two updates a step",
    })
    .pipe(byDefault("token")),
  aggregate: Schema.Literals(["token-mean", "sequence-mean", "constant"])
    .annotate({
      description:
        "mean of the loss over tokens, over responses, or divided by the longest response allowed (constant, Dr. GRPO)",
    })
    .pipe(byDefault("token-mean")),
  caption_weight: PositiveNumber.annotate({
    description: "how often a caption's token counts in the loss; the sum of all weights stays",
  }).pipe(byDefault(1)),
  kl: Kl.annotate({ description: "penalty for the distance from the model at the start" }).pipe(
    byDefault({ kind: "none" }),
  ),
  learning_rate: PositiveNumber.annotate({ description: "AdamW's, after the warm-up" }).pipe(
    byDefault(6e-5),
  ),
  warmup: NotNegative.annotate({
    description: "steps in which the learning rate rises linearly from 0",
  }).pipe(byDefault(10)),
  schedule: Schema.Literals(["constant", "cosine"])
    .annotate({ description: "cosine falls to a tenth at the last step" })
    .pipe(byDefault("constant")),
  weight_decay: NotNegativeNumber.annotate({ description: "AdamW's" }).pipe(byDefault(0)),
  grad_clip: PositiveNumber.annotate({ description: "greatest norm of the gradient" }).pipe(
    byDefault(1),
  ),
  batch: Positive.annotate({
    description: "responses of one forward and backward pass; whole groups",
  }).pipe(byDefault(64)),
  record_every: Positive.annotate({
    description: "keeps the rollouts of every n-th step and of the last",
  }).pipe(byDefault(1)),
  validate: validateParam,
  seed: Seed.annotate({ description: "of sampling and the order of the prompts" }).pipe(
    byDefault(0),
  ),
});

type Params = typeof Params.Type;
export type GrpoParams = Params;

export const surrogatesOf = ({ perception }: Params) =>
  typeof perception === "string" ? [] : [perception.surrogate];

/** A mini-batch has whole groups, so there are at most as many as prompts. */
const tooManyMinibatches = ({
  minibatches,
  prompts_per_step,
}: typeof Params.Type): ReadonlyArray<ParamsProblem> =>
  minibatches <= prompts_per_step
    ? []
    : [
        {
          path: ["minibatches"],
          message: `${prompts_per_step} prompts a step can't be cut into ${minibatches} mini-batches of whole groups`,
          expected: `at most prompts_per_step, ${prompts_per_step}`,
        },
      ];

/** Span credit normalises each reward separately already. */
const uselessPerReward = ({ credit, per_reward }: Params): ReadonlyArray<ParamsProblem> =>
  credit === "span" && per_reward
    ? [
        {
          path: ["per_reward"],
          message: "`credit: span` normalises each reward separately already",
          expected: "one of the two",
        },
      ]
    : [];

/** The first update's ratios are all 1. verl takes no `ratio` at all. */
const uselessRatio = ({
  trainer,
  ratio,
  minibatches,
  epochs,
}: Params): ReadonlyArray<ParamsProblem> =>
  trainer === "pipe" && ratio === "sequence" && minibatches * epochs === 1
    ? [
        {
          path: ["ratio"],
          message: "with one update a step every ratio is 1, a token's and a response's",
          expected: "two `minibatches` or `epochs` with `ratio: sequence`",
        },
      ]
    : [];

const sampling = samplingInputs(surrogatesOf);

export const Grpo = stage({
  name: "grpo",
  version: 7,
  summary: "trains a model by reinforcement learning, rewarding perception and outcome",
  example: `policy:
  use: grpo
  from: { model: model, data: data }
  with: { alpha: 0.5, perception: oracle-f1, steps: 60, max_tokens: 90, seed: $seed }`,
  params: Params,
  outsideKey: [...endpointsOutsideKey, ...verlOutsideKey],
  inputs: {
    ...sampling,
    model: {
      ...sampling.model,
      check: ({ trainer }: Params, model) =>
        trainer === "verl"
          ? microProblems(model, ["trainer"], { asker: "verl", expected: "no `trainer`" })
          : [],
    },
    data: {
      ...sampling.data,
      check: (params: Params, upstream) => [
        ...checkPrompts(params, upstream),
        ...checkValidation(params, upstream),
      ],
    },
  },
  output: "model",
  check: (params, around) => [
    ...surrogateProblems(surrogatesOf(params), ["perception"], params, around),
    ...tooManyMinibatches(params),
    ...uselessPerReward(params),
    ...uselessRatio(params),
    ...verlProblems(params),
  ],
  // With a cosine schedule, or an α that changes, every step depends on the number of steps; verl's checkpoints are of one length.
  horizon: ({ trainer, schedule, alpha_end }) =>
    trainer === "verl" || schedule === "cosine" || alpha_end !== null ? [] : ["steps"],
  work: ({ steps, prompts_per_step, group }) => steps * prompts_per_step * group,
  trainers: ["grpo", "grpo_verl"],
  scorer: true,
  environment: ({ trainer }) => (trainer === "pipe" ? pipeEnvironment : verlEnvironment),
});
