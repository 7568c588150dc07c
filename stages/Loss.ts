/** The param `loss` of `sft`: how much the caption counts against the rest of a transcript (`trainers/losses.py`). */
import { Schema } from "effect";
import { NotNegative, NotNegativeNumber, Share } from "../schemas/numbers.ts";

export const Loss = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("token") }).annotate({
    description: "every token has the same weight",
  }),
  Schema.Struct({
    kind: Schema.Literal("fixed"),
    lambda: Share.annotate({ description: "weight of the perception, λ" }),
  }).annotate({
    description: "L = λ·L_p + (1−λ)·L_r",
  }),
  Schema.Struct({
    kind: Schema.Literal("schedule"),
    points: Schema.NonEmptyArray(
      Schema.Tuple([NotNegative, Schema.Union([Share, Schema.Literal("token")])]),
    ).annotate({
      description:
        "[step, λ], …: straight lines between the points, a jump at a step that is named twice; `token` is the λ of the token loss",
    }),
  }).annotate({
    description: "λ as a function of the step: [[0, 1], [50, 1], [50, token]] is perception first",
  }),
  Schema.Struct({
    kind: Schema.Literal("ngdiff"),
    gamma: Schema.optionalKey(NotNegativeNumber).annotate({
      description:
        "above 0: a span whose loss is nearly gone counts less (GradNorm's rule); left out: 0",
    }),
    smoothing: Schema.optionalKey(
      Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.9999 })),
    ).annotate({
      description: "share of the past in the moving averages of both norms; left out: 0",
    }),
    preconditioned: Schema.optionalKey(Schema.Boolean).annotate({
      description:
        "true: norms are of gradients as AdamW scales them, by the trainer pipe; left out: false",
    }),
    clamp: Schema.optionalKey(Schema.Tuple([Share, Share])).annotate({
      description: "least and greatest λ; left out: 0 and 1",
    }),
  }).annotate({
    description: "sets λ at each step so that both gradients have the same norm",
  }),
]);
