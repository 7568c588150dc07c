/**
 * Stage `sft`: supervised fine-tuning; the loss weighs perception against reasoning. The trainers are `trainers/sft.py`, of micro models
 * and of pretrained ones in one process, and `trainers/sft_llamafactory.py`, of pretrained ones by LLaMA-Factory.
 */
import { Schema } from "effect";
import { isDeepStrictEqual } from "node:util";
import { byDefault } from "../schemas/byDefault.ts";
import {
  NotNegative,
  NotNegativeNumber,
  Positive,
  PositiveNumber,
  Seed,
} from "../schemas/numbers.ts";
import { llamafactoryEnvironment, pipeEnvironment } from "./environments.ts";
import { foreignParams } from "./foreignParams.ts";
import { Loss } from "./Loss.ts";
import { microFamily, microProblems } from "./microModel.ts";
import { type ParamsProblem, stage, type Surroundings, type Upstream } from "./Stage.ts";
import {
  checkValidation,
  validateParam,
  validationInput,
  validationInputProblems,
} from "./validate.ts";

const Finetuning = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("full") }).annotate({
    description: "every weight that `train` names",
  }),
  Schema.Struct({
    kind: Schema.Literal("lora"),
    rank: Positive.annotate({ description: "of both factors" }).pipe(byDefault(8)),
    alpha: PositiveNumber.annotate({ description: "the product is scaled by alpha / rank" }).pipe(
      byDefault(16),
    ),
    targets: Schema.Union([Schema.Literal("all"), Schema.Array(Schema.NonEmptyString)])
      .annotate({ description: "names of linear layers, such as [q_proj, v_proj], or all" })
      .pipe(byDefault("all")),
  }).annotate({
    description:
      "low-rank factors beside linear layers, and the rows of the caption's tags; the result is merged",
  }),
]);

const LlamaFactory = Schema.Struct({
  template: Schema.NonEmptyString.annotate({
    description:
      "LLaMA-Factory's template of the model's family; it must give the tokens of the model's own chat template",
  }).pipe(byDefault("qwen3_vl_nothink")),
  longest: Positive.annotate({
    description: "tokens of a prompt with its response; a longer transcript is refused, never cut",
  }).pipe(byDefault(2048)),
  train: Schema.Literals(["language-model", "all"])
    .annotate({
      description: "language-model: the vision tower and its projector stay as they are",
    })
    .pipe(byDefault("language-model")),
  finetuning: Finetuning.annotate({ description: "which weights are trained" }).pipe(
    byDefault({ kind: "full" }),
  ),
  processes: Positive.annotate({
    description:
      "processes that share the micro-batches of a step, each with a GPU of its own, if there are any, and the whole model unless `sharding` divides it",
  }).pipe(byDefault(1)),
  sharding: Schema.Literals(["none", "fsdp"])
    .annotate({
      description:
        "fsdp: weights, gradients and AdamW's moments are divided among the processes (PyTorch's FSDP2); ngdiff then balances the gradients of the last hidden states in place of the weights'",
    })
    .pipe(byDefault("none")),
});

const Params = Schema.Struct({
  trainer: Schema.Literals(["pipe", "llamafactory"])
    .annotate({
      description:
        "pipe: a micro model from random weights, or the input `model`, which may be any image-text model, with all its weights in one process; llamafactory: LLaMA-Factory goes on with the input `model`, by LoRA and in several processes if asked",
    })
    .pipe(byDefault("pipe")),
  llamafactory: LlamaFactory.annotate({
    description: "what only the trainer llamafactory reads",
  }).pipe(byDefault({})),
  model: Schema.Struct({
    kind: Schema.Literal("micro"),
    family: Schema.Literals(["qwen3-vl", "internvl"])
      .annotate({
        description:
          "architecture; InternVL, as of InternVL3.5, runs through transformers' own code, which is slower",
      })
      .pipe(byDefault("qwen3-vl")),
    size: Schema.Literals(["nano", "micro", "small"])
      .annotate({
        description:
          "width and layers of its language model: nano 96 and 3, micro 128 and 4, small 256 and 4",
      })
      .pipe(byDefault("nano")),
    init: PositiveNumber.annotate({
      description: "standard deviation of the initial weights",
    }).pipe(byDefault(0.02)),
  })
    .annotate({ description: "micro: a model of about a million weights, trained from scratch" })
    .pipe(byDefault({ kind: "micro" })),
  loss: Loss.annotate({
    description: "weighs the tokens of the perception against those of the reasoning",
  }).pipe(byDefault({ kind: "token" })),
  steps: Positive.annotate({ description: "optimiser steps" }).pipe(byDefault(500)),
  batch: Positive.annotate({ description: "transcripts of one forward and backward pass" }).pipe(
    byDefault(32),
  ),
  accumulate: Positive.annotate({
    description: "micro-batches of `batch` rows in one step",
  }).pipe(byDefault(1)),
  learning_rate: PositiveNumber.annotate({ description: "AdamW's, after the warm-up" }).pipe(
    byDefault(3e-3),
  ),
  warmup: NotNegative.annotate({
    description: "steps in which the learning rate rises linearly from 0",
  }).pipe(byDefault(25)),
  schedule: Schema.Literals(["constant", "cosine"])
    .annotate({ description: "cosine falls to its minimum at the last step" })
    .pipe(byDefault("constant")),
  weight_decay: NotNegativeNumber.annotate({ description: "AdamW's" }).pipe(byDefault(0.01)),
  grad_clip: PositiveNumber.annotate({ description: "greatest norm of the gradient" }).pipe(
    byDefault(1),
  ),
  freeze: Schema.Literals(["none", "vision", "text"])
    .annotate({
      description:
        "vision: the vision tower and its projector stay as they are, those of the input `model` if there is one; text: the language model does, with its output layer, so that only seeing can lower the loss",
    })
    .pipe(byDefault("none")),
  learn: Schema.Literals(["response", "caption"])
    .annotate({
      description:
        "caption: a transcript ends after its caption, and what follows is neither computed nor measured; with the loss token",
    })
    .pipe(byDefault("response")),
  pictures: Schema.Literals(["shown", "blank"])
    .annotate({
      description:
        "blank: every picture is the mean of all of them, so that a Qwen3-VL learns to go on from captions alone, as the solver of blind-solve is asked to; with loss `{ kind: fixed, lambda: 0 }`",
    })
    .pipe(byDefault("shown")),
  gradients: Schema.Boolean.annotate({
    description:
      "measures both spans' gradients in every tenth step, for the metric grad_share_p; ngdiff does so anyway",
  }).pipe(byDefault(false)),
  validate: validateParam,
  seed: Seed.annotate({ description: "of the initial weights and the order of the data" }).pipe(
    byDefault(0),
  ),
});

type Params = typeof Params.Type;

const defaults = Schema.decodeUnknownSync(Params)({});

const shareProblems = ({ accumulate, llamafactory }: Params): ReadonlyArray<ParamsProblem> =>
  accumulate % llamafactory.processes === 0
    ? []
    : [
        {
          path: ["llamafactory", "processes"],
          message: `${llamafactory.processes} processes can't share ${accumulate} micro-batches equally`,
          expected: "a divisor of `accumulate`",
        },
      ];

/** LoRA's factors are few: each process can have all of them. */
const shardingProblems = ({ llamafactory }: Params): ReadonlyArray<ParamsProblem> => {
  const { sharding, processes, finetuning } = llamafactory;
  if (sharding === "none" || (processes > 1 && finetuning.kind === "full")) return [];
  return [
    {
      path: ["llamafactory", "sharding"],
      message:
        processes === 1
          ? "there is one process, and sharding needs two"
          : "sharding is for full fine-tuning; each process can have all that LoRA trains",
      expected: processes === 1 ? "`processes: 2` or more" : "`finetuning: { kind: full }`",
    },
  ];
};

/** An InternVL is asked without a picture by its question alone. */
const blankProblems = ({ pictures }: Params, family: string | undefined) =>
  pictures === "blank" && family === "internvl"
    ? [
        {
          path: ["pictures"],
          message:
            "an InternVL has no blank picture: without one it is asked by its question alone",
          expected: "a model of `family: qwen3-vl`, or no `pictures`",
        },
      ]
    : [];

/**
 * `prepare` gives a new token the mean of all rows of the output layer, so its logit is the mean of the others and its chance below that of
 * an even choice: no greedy response has a caption before the language model has learned the tags.
 */
const tagProblems = ({ freeze }: Params, { name, stage: maker }: Upstream) =>
  freeze === "text" && maker === "prepare"
    ? [
        {
          path: ["freeze"],
          message: `the language model of \`${name}\` never writes the caption's tags, which are new to it`,
          expected: "a training of some steps with `freeze: vision` between them",
        },
      ]
    : [];

const checkStart = (params: Params, start: Upstream): ReadonlyArray<ParamsProblem> =>
  params.trainer === "pipe"
    ? [...blankProblems(params, microFamily(start)), ...tagProblems(params, start)]
    : microProblems(start, ["trainer"], {
        asker: "LLaMA-Factory",
        expected: "no `trainer`, or a model of a `pretrained` stage",
      });

const scheduleProblems = ({ loss }: Params): ReadonlyArray<ParamsProblem> => {
  if (loss.kind !== "schedule") return [];
  const late = loss.points.findIndex(([step], index) => step < (loss.points[index - 1]?.[0] ?? 0));
  return late < 0
    ? []
    : [
        {
          path: ["loss", "points", late, 0],
          message: `step ${loss.points[late]![0]} comes after step ${loss.points[late - 1]![0]}`,
          expected: "points in the order of their steps",
        },
      ];
};

/** An input `model` has its own size. */
const sizeProblems = (
  { trainer, model }: Params,
  { inputs }: Surroundings,
): ReadonlyArray<ParamsProblem> =>
  trainer !== "pipe" || !inputs.includes("model") || isDeepStrictEqual(model, defaults.model)
    ? []
    : [
        {
          path: ["model"],
          message:
            "`model` describes a new model, and this training goes on with the input `model`",
          expected: "no `model` under `with`, or none under `from`",
        },
      ];

/** A caption alone has nothing that its loss or gradient could be weighed against. */
const captionProblems = ({ learn, loss, gradients }: Params): ReadonlyArray<ParamsProblem> => {
  if (learn === "response") return [];
  const expected = "the loss token, without `gradients`, or no `learn`";
  return [
    ...(loss.kind === "token"
      ? []
      : [{ path: ["loss"], message: "captions alone are learned, with weight 1", expected }]),
    ...(gradients
      ? [{ path: ["gradients"], message: "there is one span, that of captions", expected }]
      : []),
  ];
};

/** LLaMA-Factory's processes may have parts of the optimiser's moments. */
const momentProblems = ({ trainer, loss }: Params): ReadonlyArray<ParamsProblem> =>
  trainer === "llamafactory" && loss.kind === "ngdiff" && loss.preconditioned === true
    ? [
        {
          path: ["loss", "preconditioned"],
          message: "the trainer `llamafactory` balances plain gradients",
          expected: "no `preconditioned`, or the trainer `pipe`",
        },
      ]
    : [];

/** Params that LLaMA-Factory does not read. */
const pipeOnly = ["model", "freeze", "learn", "pictures", "gradients", "validate"] as const;

/** Params and inputs that belong to the other trainer. */
const trainerProblems = (
  params: Params,
  { inputs }: Surroundings,
): ReadonlyArray<ParamsProblem> => {
  const hasModel = inputs.includes("model");
  const isPipe = params.trainer === "pipe";
  const foreign = isPipe ? (["llamafactory"] as const) : pipeOnly;
  return [
    ...(isPipe || hasModel
      ? []
      : [
          {
            path: ["trainer"],
            message: "the trainer `llamafactory` needs a model to go on with",
            expected:
              "an input under `from`: `model: start`, where `start` is a `pretrained` stage",
          },
        ]),
    ...foreignParams<"llamafactory" | (typeof pipeOnly)[number]>(params, defaults, foreign, {
      what: "trainer",
      chosen: params.trainer,
      reader: isPipe ? "llamafactory" : "pipe",
    }),
  ];
};

export const Sft = stage({
  name: "sft",
  version: 6,
  summary: "trains a model on transcripts; the loss weighs perception against reasoning",
  example: `model:
  use: sft
  from: { data: cot }
  with: { loss: { kind: fixed, lambda: 0.3 }, steps: 500, schedule: cosine, seed: $seed }`,
  params: Params,
  inputs: {
    data: { kinds: ["transcripts"] },
    model: { kinds: ["model"], optional: true, check: checkStart },
    [validationInput]: { kinds: ["dataset"], optional: true, check: checkValidation },
  },
  output: "model",
  // With a cosine schedule every step depends on the number of steps.
  horizon: ({ schedule }) => (schedule === "cosine" ? [] : ["steps"]),
  work: ({ steps, batch, accumulate }) => steps * batch * accumulate,
  check: (params, around) => [
    ...trainerProblems(params, around),
    ...sizeProblems(params, around),
    ...blankProblems(params, params.model.family),
    ...scheduleProblems(params),
    ...momentProblems(params),
    ...captionProblems(params),
    ...shareProblems(params),
    ...shardingProblems(params),
    ...validationInputProblems(params, around.inputs),
  ],
  trainers: ["sft", "sft_llamafactory"],
  scorer: true,
  environment: ({ trainer }) => (trainer === "pipe" ? pipeEnvironment : llamafactoryEnvironment),
});
