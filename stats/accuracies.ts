/** The accuracies of scored examples, and end-to-end accuracy by whether the caption is right. */
import type { Mode } from "../schemas/Mode.ts";
import { clusteredProportion, type ClusteredProportion } from "./clusteredProportion.ts";

export interface ScoredExample {
  readonly id: string;
  /** Equal for pictures of the same instance; by default every example is one. */
  readonly instance?: string;
  readonly mode: Mode;
  readonly outcome: boolean;
  readonly perception: boolean;
}

export interface Accuracies {
  /** End to end: the answer is right. */
  readonly a: ClusteredProportion | null;
  /** Perception: the caption is p*, in the same responses as `a`. */
  readonly a_p: ClusteredProportion | null;
  /** Counterfactual reasoning: the answer is right after a forced p*. */
  readonly a_r: ClusteredProportion | null;
  /** `a` among right captions: a = a_p · a_if_right + (1 − a_p) · a_if_wrong. */
  readonly a_if_right: ClusteredProportion | null;
  /** `a` among wrong captions. */
  readonly a_if_wrong: ClusteredProportion | null;
}

/** `runs` are the examples of each run, such as a seed. */
export const accuracies = (runs: ReadonlyArray<ReadonlyArray<ScoredExample>>): Accuracies => {
  const all = runs.flatMap((examples, run) =>
    examples.map((each) => ({ ...each, run, instance: each.instance ?? each.id })),
  );
  const endToEnd = all.filter(({ mode }) => mode === "end-to-end");
  const forced = all.filter(({ mode }) => mode === "counterfactual");
  const share = (of: typeof all, field: "outcome" | "perception") =>
    clusteredProportion(of.map(({ run, instance, [field]: right }) => ({ run, instance, right })));
  return {
    a: share(endToEnd, "outcome"),
    a_p: share(endToEnd, "perception"),
    a_r: share(forced, "outcome"),
    a_if_right: share(
      endToEnd.filter(({ perception }) => perception),
      "outcome",
    ),
    a_if_wrong: share(
      endToEnd.filter(({ perception }) => !perception),
      "outcome",
    ),
  };
};
