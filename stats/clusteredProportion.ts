/**
 * A proportion of right answers with a 95 % interval that knows that answers share instances and runs: Wilson's interval for the
 * effective number of answers, p(1 − p) / variance, with the variance and the quantile of `clusteredMean.ts` (E. L. Korn and B. I.
 * Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated from survey
 * data", Survey Methodology 24 (1998), 193-201; N. Dean and M. Pagano, "Evaluating confidence interval methods for binomial
 * proportions in clustered surveys", Journal of Survey Statistics and Methodology 3 (2015), 484-503). Never more
 * effective answers than answers; as many as instances where all are right, or none. One run on distinct instances has Wilson's own interval.
 */
import { clusteredMean, errorsOutside } from "./clusteredMean.ts";
import { groupBy } from "./groupBy.ts";
import { studentMean } from "./studentT.ts";
import { type Proportion, scoreInterval, wilson } from "./wilson.ts";

export interface ScoredAnswer {
  readonly right: boolean;
  readonly run: number;
  readonly instance: string;
}

export interface ClusteredProportion extends Proportion {
  readonly instances: number;
  /** The standard deviation between the runs' own proportions; null for one run. */
  readonly sd: number | null;
}

/** Null without answers. */
export const clusteredProportion = (
  answers: ReadonlyArray<ScoredAnswer>,
): ClusteredProportion | null => {
  const successes = answers.filter(({ right }) => right).length;
  const independent = wilson(successes, answers.length);
  if (independent === null) return null;
  const found = clusteredMean(answers.map((each) => ({ ...each, value: Number(each.right) })));
  const { n, runs, instances, error } = found;
  const { value } = independent;
  if (runs === 1 && instances === n) return { ...independent, instances, sd: null };
  const shares = [...groupBy(answers, ({ run }) => run).values()].map(
    (own) => own.filter(({ right }) => right).length / own.length,
  );
  const { sd } = studentMean(shares);
  const interval =
    error === 0
      ? scoreInterval(value, instances)
      : scoreInterval(
          value,
          Math.min(n, (value * (1 - value)) / error ** 2),
          errorsOutside(found, 0.05),
        );
  return { ...independent, ...interval, instances, sd: sd.value };
};
