/** Stage `sft`: supervised fine-tuning with perception and reasoning weighed by the chosen loss. The trainer is `trainers/sft.py`. */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { one, stage } from "./Stage.ts";
import { runTrainer, trainerLocks } from "./trainer.ts";

const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));
const Positive = Schema.Int.check(Schema.isGreaterThan(0));
const notNegative = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const positiveNumber = Schema.Finite.check(Schema.isGreaterThan(0));

const Loss = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("token") }).annotate({
    description: "every token weighs the same",
  }),
  Schema.Struct({ kind: Schema.Literal("fixed"), lambda: Share }).annotate({
    description: "L = λ·L_p + (1−λ)·L_r",
  }),
  Schema.Struct({ kind: Schema.Literal("ngdiff") }).annotate({
    description: "λ set at each step so that both gradients weigh the same",
  }),
]);

const Params = Schema.Struct({
  model: Schema.Struct({
    kind: Schema.Literal("micro"),
    size: Schema.Literals(["nano", "micro", "small"]).pipe(byDefault("nano")),
    init: positiveNumber
      .annotate({ description: "standard deviation of the initial weights" })
      .pipe(byDefault(0.02)),
  })
    .annotate({ description: "micro: a Qwen3-VL of a million weights or so, made from scratch" })
    .pipe(byDefault({ kind: "micro" })),
  loss: Loss.pipe(byDefault({ kind: "token" })),
  steps: Positive.pipe(byDefault(500)),
  batch: Positive.pipe(byDefault(32)),
  accumulate: Positive.annotate({
    description: "micro-batches of `batch` rows that are added up in one step",
  }).pipe(byDefault(1)),
  learning_rate: positiveNumber.pipe(byDefault(3e-3)),
  warmup: notNegative.annotate({ description: "steps of linear warm-up" }).pipe(byDefault(25)),
  schedule: Schema.Literals(["constant", "cosine"])
    .annotate({ description: "cosine falls to its end at the last step" })
    .pipe(byDefault("constant")),
  weight_decay: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).pipe(byDefault(0.01)),
  grad_clip: positiveNumber.pipe(byDefault(1)),
  seed: Schema.Int.pipe(byDefault(0)),
});

const trainer = "sft";

export const Sft = stage({
  name: "sft",
  version: 2,
  summary: "trains a model on transcripts, perception and reasoning weighed by the loss",
  params: Params,
  inputs: { data: { kinds: ["transcripts"] } },
  output: "model",
  // A schedule that looks at the last step makes every step depend on how many there are.
  horizon: ({ schedule }) => (schedule === "cosine" ? [] : ["steps"]),
  trainer,
  environment: trainerLocks,
  run: (context) => runTrainer(trainer, context, { data: one(context.inputs, "data").directory }),
});
