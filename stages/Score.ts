/**
 * Stage `score`: judges predictions by the one scorer (`tasks/score.ts`) against the ground truth of the data set.
 *
 * A score is a line for each example and mode, with a hash of the instance that the picture shows. `a` and `a_p` are the
 * means of `outcome` and `perception` over the end-to-end lines, `a_r` is the mean of `outcome` over the counterfactual ones.
 */
import { Schema } from "effect";
import { stage } from "./Stage.ts";

export const Score = stage({
  name: "score",
  version: 4,
  summary: "judges predictions: outcome, perception, consistency, failure reason",
  example: `scores:
  use: score
  from: { data: data, end_to_end: e2e, counterfactual: oracle }`,
  params: Schema.Struct({}),
  inputs: {
    data: { kinds: ["dataset"] },
    end_to_end: { kinds: ["predictions"] },
    counterfactual: { kinds: ["predictions"] },
  },
  output: "scores",
});
