/**
 * Stage `generate`: a model's transcripts for a split, seen end to end or with the oracle perception forced as the
 * assistant's prefix (counterfactual). The trainer is `trainers/generate.py`.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { splitNames } from "../tasks/split.ts";
import { one, stage } from "./Stage.ts";
import { runTrainer, trainerLocks } from "./trainer.ts";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));

const Params = Schema.Struct({
  mode: Schema.Literals(["end-to-end", "counterfactual"]),
  split: Schema.Literals(splitNames).pipe(byDefault("test")),
  limit: Schema.NullOr(Positive)
    .annotate({ description: "only the first rows of the split" })
    .pipe(byDefault(null)),
  max_tokens: Schema.NullOr(Positive)
    .annotate({
      description:
        "longest response; by default what the model was trained on, so a pretrained one needs it",
    })
    .pipe(byDefault(null)),
  batch: Positive.pipe(byDefault(250)),
  temperature: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).pipe(byDefault(0)),
  seed: Schema.Int.pipe(byDefault(0)),
});

const trainer = "generate";

export const Generate = stage({
  name: "generate",
  version: 2,
  summary: "lets a model answer a split, end to end or from the oracle perception",
  params: Params,
  inputs: { model: { kinds: ["model"] }, data: { kinds: ["dataset"] } },
  output: "predictions",
  trainer,
  environment: trainerLocks,
  run: (context) => {
    const inputs = {
      model: one(context.inputs, "model").directory,
      data: one(context.inputs, "data").directory,
    };
    return runTrainer(trainer, context, inputs);
  },
});
