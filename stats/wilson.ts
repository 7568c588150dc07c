/**
 * The Wilson score interval of a proportion: E. B. Wilson, "Probable inference, the law of succession, and statistical
 * inference", JASA 22 (1927), 209-212.
 */

export interface Proportion {
  readonly successes: number;
  readonly n: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The 97.5 % quantile of the standard normal distribution: two-sided 95 %. */
const z95 = 1.959963984540054;

/** A proportion with its 95 % interval; null without trials, where there is nothing to estimate. */
export const wilson = (successes: number, n: number): Proportion | null => {
  if (n === 0) return null;
  const p = successes / n;
  const z2 = z95 * z95;
  const center = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z95 / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  // At 0 and 1 one end is p itself; only rounding would put it elsewhere.
  const low = successes === 0 ? 0 : center - half;
  const high = successes === n ? 1 : center + half;
  return { successes, n, value: p, low, high };
};
