/**
 * Spearman's correlation of checkpoints' means. Checkpoints with the same prompts and seed draw the same resamples, so the
 * interval covers the choice of prompts; it does not cover repeated training.
 */
import type { Target } from "../schemas/Correlation.ts";
import { bootstrapInterval } from "./bootstrapInterval.ts";
import { spearman } from "./spearman.ts";
import { type Interval, noInterval, type Statistic, without } from "./Statistic.ts";

/** A mean of one checkpoint, and its value in every resample of the prompts. */
export interface ResampledMean {
  readonly mean: number | null;
  readonly replicates: ReadonlyArray<number | null>;
}

export interface RankCorrelation {
  readonly checkpoints: number;
  readonly value: Statistic;
  readonly interval: Interval;
}

/** Correlates over the checkpoints that have both means; fewer than three give no correlation. */
export const acrossCheckpoints = (
  pairs: ReadonlyArray<readonly [reward: ResampledMean, target: ResampledMean]>,
  names: { readonly reward: string; readonly target: Target },
): RankCorrelation => {
  const complete = pairs.filter(([reward, target]) => reward.mean !== null && target.mean !== null);
  const checkpoints = complete.length;
  if (checkpoints < 3) {
    const reason = `it takes three checkpoints, here ${checkpoints === 1 ? "is" : "are"} ${checkpoints}`;
    return { checkpoints, value: without(reason), interval: noInterval(reason) };
  }
  const at = (mean: (of: ResampledMean) => number | null | undefined): Statistic => {
    const means = complete.map((pair) => pair.map(mean));
    if (means.flat().some((each) => each === null || each === undefined))
      return without("a mean is undefined");
    const [x, y] = [means.map(([first]) => first!), means.map(([, second]) => second!)];
    return spearman(x, y);
  };
  const value = at(({ mean }) => mean);
  if (value.value === null) {
    const constant = value.reason.startsWith("the first") ? names.reward : names.target;
    const reason = `every checkpoint has the same mean of ${constant}`;
    return { checkpoints, value: without(reason), interval: noInterval(reason) };
  }
  const resamples = Math.min(...complete.flat().map(({ replicates }) => replicates.length));
  const replicates = Array.from(
    { length: resamples },
    (_, resample) => at((of) => of.replicates[resample]).value,
  );
  const from = { estimate: value.value, replicates, jackknife: [] };
  return { checkpoints, value, interval: bootstrapInterval(from, "percentile") };
};
