/**
 * The mean of answers to shared instances by several runs, such as seeds, with a standard error that knows both.
 *
 * Variance: clusters in two ways (A. C. Cameron, J. B. Gelbach and D. L. Miller, "Robust inference with multiway
 * clustering", Journal of Business & Economic Statistics 29 (2011), 238-249): by run, plus by instance, minus by both, each
 * times K / (K − 1) for K clusters, and never below either of the first two. Quantiles: the mean of Student's for runs − 1 and
 * for instances − 1 degrees of freedom, weighted with the parts of the variance (W. G. Cochran, "Approximate significance
 * levels of the Behrens-Fisher test", Biometrics 20 (1964), 191-195). `test/stats/clustered.test.ts` simulates both.
 */
import { studentQuantile } from "./studentT.ts";

export interface Answer {
  readonly value: number;
  readonly run: number;
  readonly instance: string;
}

export interface ClusteredMean {
  readonly n: number;
  readonly mean: number;
  readonly runs: number;
  readonly instances: number;
  /** The standard error of the mean; 0 where nothing varies between runs or instances. */
  readonly error: number;
  /** The part of the variance that runs have, 0..1. */
  readonly runShare: number;
}

export const clusteredMean = (answers: ReadonlyArray<Answer>): ClusteredMean => {
  const n = answers.length;
  const mean = answers.reduce((sum, { value }) => sum + value, 0) / n;
  const byRun = new Map<number, number>();
  const byInstance = new Map<string, number>();
  const byBoth = new Map<string, number>();
  for (const { value, run, instance } of answers) {
    add(byRun, run, value - mean);
    add(byInstance, instance, value - mean);
    add(byBoth, `${run} ${instance}`, value - mean);
  }
  const runs = scaled(byRun) / n ** 2;
  const instances = scaled(byInstance) / n ** 2;
  const both = scaled(byBoth) / n ** 2;
  const variance = byRun.size > 1 ? Math.max(runs + instances - both, runs, instances) : instances;
  return {
    n,
    mean,
    runs: byRun.size,
    instances: byInstance.size,
    error: Math.sqrt(variance),
    runShare: variance === 0 ? 0 : runs / variance,
  };
};

const add = <Key>(sums: Map<Key, number>, key: Key, value: number): void => {
  sums.set(key, (sums.get(key) ?? 0) + value);
};

const squares = (sums: ReadonlyMap<unknown, number>): number => {
  let total = 0;
  for (const sum of sums.values()) total += sum * sum;
  return total;
};

const scaled = (sums: ReadonlyMap<unknown, number>): number =>
  sums.size < 2 ? 0 : (sums.size / (sums.size - 1)) * squares(sums);

/** How many standard errors of the mean have `tails` outside, on both sides together. */
export const errorsOutside = (
  { runs, instances, runShare }: ClusteredMean,
  tails: number,
): number => {
  const quantile = (clusters: number, share: number): number =>
    share <= 0 || clusters < 2 ? 0 : share * studentQuantile(tails, clusters - 1);
  return quantile(runs, runShare) + quantile(instances, 1 - runShare);
};

/** The probability of at least so many standard errors, on both sides together: the inverse of `errorsOutside`. */
export const tailsBeyond = (mean: ClusteredMean, errors: number): number => {
  let [low, high] = [Math.log(Number.MIN_VALUE), 0];
  for (let halving = 0; halving < 60; halving += 1) {
    const middle = (low + high) / 2;
    if (errorsOutside(mean, Math.exp(middle)) > errors) low = middle;
    else high = middle;
  }
  return Math.max(Number.MIN_VALUE, Math.exp((low + high) / 2));
};
