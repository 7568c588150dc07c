/** One line of `scores.jsonl`: what the scorer says of one example in one mode. */
import { Schema } from "effect";

export const ScoreLine = Schema.Struct({
  id: Schema.String,
  mode: Schema.Literals(["end-to-end", "counterfactual"]),
  outcome: Schema.Boolean,
  perception: Schema.Boolean,
  perception_f1: Schema.Finite,
  consistent: Schema.Boolean,
  reason: Schema.NullOr(Schema.String),
});
export interface ScoreLine extends Schema.Schema.Type<typeof ScoreLine> {}
