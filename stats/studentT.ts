/**
 * Student's distribution: "Student", "The probable error of a mean", Biometrika 6 (1908), 1-25; its tails by the incomplete
 * beta function (M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions" (1964), 26.7.1).
 */
import { incompleteBeta } from "./incompleteBeta.ts";
import {
  between,
  type Interval,
  noInterval,
  type Statistic,
  valued,
  without,
} from "./Statistic.ts";

/** The probability of a value at least as far from 0 as `t`, on both sides; above 0 even where it underflows. */
export const studentTails = (t: number, degrees: number): number => {
  const total = degrees + t * t;
  const tails = incompleteBeta(degrees / total, degrees / 2, 0.5, (t * t) / total);
  return Math.max(Number.MIN_VALUE, tails);
};

/** The t whose two tails together have probability `tails`. */
export const studentQuantile = (tails: number, degrees: number): number => {
  let [low, high] = [0, 1];
  while (studentTails(high, degrees) > tails) high *= 2;
  for (let halving = 0; halving < 60; halving += 1) {
    const middle = (low + high) / 2;
    if (studentTails(middle, degrees) > tails) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};

export interface StudentMean {
  readonly n: number;
  readonly mean: Statistic;
  /** The standard deviation of the values, with n − 1. */
  readonly sd: Statistic;
  /** The 95 % interval of the mean. */
  readonly interval: Interval;
  /** The two-sided p-value of a mean of 0. */
  readonly p: Statistic;
}

/** The mean of a few independent values, such as those of seeds. */
export const studentMean = (values: ReadonlyArray<number>): StudentMean => {
  const n = values.length;
  if (n === 0) {
    const none = without("there are no values");
    return { n, mean: none, sd: none, interval: noInterval(none.reason), p: none };
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) {
    const one = without("there is one value");
    return { n, mean: valued(mean), sd: one, interval: noInterval(one.reason), p: one };
  }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const sd = Math.sqrt(squares / (n - 1));
  if (sd === 0) {
    const same = without("the values are equal");
    return { n, mean: valued(mean), sd: valued(0), interval: noInterval(same.reason), p: same };
  }
  const error = sd / Math.sqrt(n);
  const half = studentQuantile(0.05, n - 1) * error;
  return {
    n,
    mean: valued(mean),
    sd: valued(sd),
    interval: between(mean - half, mean + half),
    p: valued(studentTails(mean / error, n - 1)),
  };
};
