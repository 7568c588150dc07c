/**
 * Intervals from the values of a statistic in resamples. Percentile: B. Efron, "Nonparametric standard errors and confidence
 * intervals", Canadian Journal of Statistics 9 (1981), 139-158. BCa, which corrects for bias and for a spread that depends
 * on the value: B. Efron, "Better bootstrap confidence intervals", Journal of the American Statistical Association 82
 * (1987), 171-185, with the acceleration from the jackknife. Quantiles are interpolated between order statistics (type 7 of
 * R. J. Hyndman and Y. Fan, The American Statistician 50 (1996), 361-365). Equal to SciPy.
 */
import { normalQuantile } from "./normalQuantile.ts";
import { normalDistribution } from "./normalDistribution.ts";
import { between, type Interval, noInterval } from "./Statistic.ts";

export type BootstrapMethod = "percentile" | "bca";

export interface Replicates {
  readonly estimate: number;
  /** The statistic in every resample; null where it is undefined. */
  readonly replicates: ReadonlyArray<number | null>;
  /** The statistic without each cluster in turn; BCa uses it. */
  readonly jackknife: ReadonlyArray<number>;
}

const confidence = 0.95;
const levels = [(1 - confidence) / 2, (1 + confidence) / 2] as const;

/** A spread below this share of the value is rounding. */
const rounding = 1e-12;

/** If the statistic is undefined in a larger share of the resamples, the others do not show its distribution. */
const maxUndefinedShare = 0.05;

export const bootstrapInterval = (
  { estimate, replicates, jackknife }: Replicates,
  method: BootstrapMethod,
): Interval => {
  const sorted = Float64Array.from(replicates.filter((value) => value !== null)).sort();
  const undefinedCount = replicates.length - sorted.length;
  if (undefinedCount > maxUndefinedShare * replicates.length)
    return noInterval(`it is undefined in ${undefinedCount} of ${replicates.length} resamples`);
  if (sorted.length < 2) return noInterval("an interval needs two resamples");
  const [least, most] = [sorted[0]!, sorted.at(-1)!];
  if (most - least <= rounding * Math.max(-least, most))
    return noInterval("it is the same in every resample");
  const ends = method === "percentile" ? levels : correctedLevels(estimate, sorted, jackknife);
  if (typeof ends === "string") return noInterval(ends);
  return between(quantile(sorted, ends[0]), quantile(sorted, ends[1]));
};

/** The levels of the quantiles that end a BCa interval, or the reason why there are none. */
const correctedLevels = (
  estimate: number,
  replicates: Float64Array,
  jackknife: ReadonlyArray<number>,
): readonly [number, number] | string => {
  const below = replicates.filter((value) => value < estimate).length;
  const atMost = replicates.filter((value) => value <= estimate).length;
  // Ties count half: statistics of counts are often equal.
  const share = (below + atMost) / (2 * replicates.length);
  if (share === 0 || share === 1) return "every resample is on one side of the estimate";
  const bias = normalQuantile(share);
  const acceleration = accelerationOf(jackknife);
  const shifted = levels.map((level) => bias + normalQuantile(level));
  // Beyond this pole the transformation decreases.
  if (shifted.some((shift) => acceleration * shift >= 1))
    return "the correction for skewness is too large";
  const [low, high] = shifted.map((shift) =>
    normalDistribution(bias + shift / (1 - acceleration * shift)),
  );
  return [low!, high!];
};

/** A sixth of the skewness of the jackknife's values; 0 if all are equal. */
const accelerationOf = (jackknife: ReadonlyArray<number>): number => {
  const mean = jackknife.reduce((sum, value) => sum + value, 0) / jackknife.length;
  const largest = jackknife.reduce((most, value) => Math.max(most, Math.abs(mean - value)), 0);
  let squares = 0;
  let cubes = 0;
  for (const value of jackknife) {
    // In units of the largest deviation, so that powers do not underflow.
    const deviation = (mean - value) / largest;
    squares += deviation * deviation;
    cubes += deviation * deviation * deviation;
  }
  return largest === 0 ? 0 : cubes / (6 * squares * Math.sqrt(squares));
};

const quantile = (sorted: Float64Array, level: number): number => {
  const place = level * (sorted.length - 1);
  const index = Math.floor(place);
  const low = sorted[index]!;
  const high = sorted[Math.min(index + 1, sorted.length - 1)]!;
  return low + (place - index) * (high - low);
};
