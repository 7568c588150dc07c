/**
 * Student's distribution, for whole degrees of freedom: "Student", "The probable error of a mean", Biometrika 6 (1908), 1-25;
 * the finite sums: M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions" (1964), 26.7.3 and 26.7.4.
 */
import {
  between,
  type Interval,
  noInterval,
  type Statistic,
  valued,
  without,
} from "./Statistic.ts";

/** The chance of a value that far from 0 or farther, on both sides. */
export const studentTails = (t: number, degrees: number): number => {
  const angle = Math.atan(Math.abs(t) / Math.sqrt(degrees));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = 0;
  for (let power = odd ? 1 : 0; power <= degrees - 2; power += 2) {
    sum += term;
    term *= (cosine * cosine * (power + 1)) / (power + 2);
  }
  const inside = odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
  return Math.max(0, 1 - inside);
};

/** Beyond which 5 % lie, on both sides together. */
const studentEnd = (degrees: number): number => {
  let [low, high] = [0, 13];
  for (let halving = 0; halving < 60; halving += 1) {
    const middle = (low + high) / 2;
    if (studentTails(middle, degrees) > 0.05) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};

export interface StudentMean {
  readonly n: number;
  readonly mean: Statistic;
  /** Of the values, with n − 1. */
  readonly sd: Statistic;
  /** 95 %. */
  readonly interval: Interval;
  /** Two-sided, of a mean of 0. */
  readonly p: Statistic;
}

/** The mean of a few values that came about independently, such as those of seeds. */
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
  const half = studentEnd(n - 1) * error;
  return {
    n,
    mean: valued(mean),
    sd: valued(sd),
    interval: between(mean - half, mean + half),
    p: valued(studentTails(mean / error, n - 1)),
  };
};
