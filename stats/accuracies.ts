/** The three accuracies of the study, from scored examples. */
import type { ScoreLine } from "../schemas/ScoreLine.ts";
import { type Proportion, wilson } from "./wilson.ts";

export interface Accuracies {
  /** End to end: the answer is right. */
  readonly a: Proportion | null;
  /** Perception: the caption is p*; of the same responses as `a`. */
  readonly a_p: Proportion | null;
  /** Counterfactual reasoning: the answer is right, the caption having been given. */
  readonly a_r: Proportion | null;
}

export const accuracies = (scores: ReadonlyArray<ScoreLine>): Accuracies => {
  const seen = scores.filter((score) => score.mode === "end-to-end");
  const forced = scores.filter((score) => score.mode === "counterfactual");
  const count = (of: ReadonlyArray<ScoreLine>, field: "outcome" | "perception") =>
    of.filter((score) => score[field]).length;
  return {
    a: wilson(count(seen, "outcome"), seen.length),
    a_p: wilson(count(seen, "perception"), seen.length),
    a_r: wilson(count(forced, "outcome"), forced.length),
  };
};
