/** Stage `sft`: supervised fine-tuning with perception and reasoning weighed by the chosen loss. The trainer is `trainers/sft.py`. */
import { Effect, Schema } from "effect";
import { one, stage } from "./Stage.ts";
import { runTrainer, trainerLocks } from "./trainer.ts";

const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));
const Positive = Schema.Int.check(Schema.isGreaterThan(0));
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

const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)));

const Params = Schema.Struct({
  model: withDefault(
    Schema.Struct({
      kind: Schema.Literal("micro"),
      size: withDefault(Schema.Literals(["nano", "micro", "small"]), "nano"),
      init: withDefault(positiveNumber, 0.02).annotate({
        description: "standard deviation of the initial weights",
      }),
    }),
    { kind: "micro" },
  ).annotate({ description: "micro: a Qwen3-VL of a million weights or so, made from scratch" }),
  loss: withDefault(Loss, { kind: "token" }),
  steps: withDefault(Positive, 500),
  batch: withDefault(Positive, 32),
  accumulate: withDefault(Positive, 1).annotate({
    description: "micro-batches of `batch` rows that are added up in one step",
  }),
  learning_rate: withDefault(positiveNumber, 3e-3),
  warmup: withDefault(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)), 25).annotate({
    description: "steps of linear warm-up",
  }),
  schedule: withDefault(Schema.Literals(["constant", "cosine"]), "constant").annotate({
    description: "cosine falls to its end at the last step",
  }),
  weight_decay: withDefault(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)), 0.01),
  grad_clip: withDefault(positiveNumber, 1),
  seed: withDefault(Schema.Int, 0),
});

/** One thread a job: two jobs side by side beat one on two cores, and the bits don't depend on the machine's size. */
const cpus = 1;

export const Sft = stage({
  name: "sft",
  version: 1,
  summary: "trains a model on transcripts, perception and reasoning weighed by the loss",
  params: Params,
  inputs: { data: { kinds: ["transcripts"] } },
  output: "model",
  environment: trainerLocks,
  cpus,
  run: (context) =>
    runTrainer("sft", context, { data: one(context.inputs, "data").directory }, cpus),
});
