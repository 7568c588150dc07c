/**
 * The mean difference of two arms on the same pictures in the same runs, with the standard error and the quantiles of
 * `clusteredMean.ts`. A margin asks whether the arm is not worse by it (non-inferiority) and whether it is neither worse nor better
 * by it: two one-sided tests (D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for
 * assessing the equivalence of average bioavailability", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987),
 * 657-680).
 */
import {
  type Answer,
  type ClusteredMean,
  clusteredMean,
  errorsOutside,
  tailsBeyond,
} from "./clusteredMean.ts";
import { groupBy } from "./groupBy.ts";
import { studentMean } from "./studentT.ts";

export interface Contrast {
  /** Pairs of answers. */
  readonly n: number;
  readonly runs: number;
  readonly instances: number;
  /** Null without pairs. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** The standard deviation between the runs' own differences; null for one run. */
  readonly sd: number | null;
  /** Two-sided, of no difference. */
  readonly p: number | null;
  /** One-sided p-values, where there is a margin. */
  readonly margin: {
    readonly value: number;
    readonly not_worse: number | null;
    readonly equivalent: number | null;
  } | null;
  /** Why numbers are null, or what the interval leaves out. */
  readonly note: string | null;
}

/** The contrast over the differences of each pair; `margin` asks for the tests against it. */
export const contrast = (differences: ReadonlyArray<Answer>, margin?: number): Contrast => {
  const noTests =
    margin === undefined ? null : { value: margin, not_worse: null, equivalent: null };
  if (differences.length === 0)
    return {
      n: 0,
      runs: 0,
      instances: 0,
      value: null,
      low: null,
      high: null,
      sd: null,
      p: null,
      margin: noTests,
      note: "the arms have no picture in common",
    };
  const found = clusteredMean(differences);
  const { n, runs, instances, mean: value, error } = found;
  const means = [...groupBy(differences, ({ run }) => run).values()].map(
    (own) => own.reduce((sum, each) => sum + each.value, 0) / own.length,
  );
  const counts = { n, runs, instances, value, sd: studentMean(means).sd.value };
  if (error === 0)
    return {
      ...counts,
      low: null,
      high: null,
      p: null,
      margin: noTests,
      note: "every difference is the same",
    };
  const half = errorsOutside(found, 0.05) * error;
  return {
    ...counts,
    low: value - half,
    high: value + half,
    p: tailsBeyond(found, Math.abs(value) / error),
    margin: margin === undefined ? null : marginTests(found, margin),
    note: runs === 1 ? "one run: the interval covers other pictures, not other trainings" : null,
  };
};

const marginTests = (found: ClusteredMean, margin: number): Contrast["margin"] => {
  const { mean, error } = found;
  const above = (distance: number): number => {
    const half = tailsBeyond(found, Math.abs(distance) / error) / 2;
    return distance > 0 ? half : 1 - half;
  };
  const notWorse = above(mean + margin);
  return {
    value: margin,
    not_worse: notWorse,
    equivalent: Math.max(notWorse, above(margin - mean)),
  };
};
