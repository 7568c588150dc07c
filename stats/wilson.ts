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

/** A proportion with its 95 % interval; null without trials. */
export const wilson = (successes: number, n: number): Proportion | null => {
  if (n === 0) return null;
  const value = successes / n;
  return { successes, n, value, ...scoreInterval(value, n, z95) };
};

/** The interval that `n` independent trials give, `n` need not be whole, with `z` standard errors on each side. */
export const scoreInterval = (
  p: number,
  n: number,
  z = z95,
): { readonly low: number; readonly high: number } => {
  const z2 = z * z;
  const center = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  // For 0 or n successes one end is p exactly; rounding would move it.
  return { low: p === 0 ? 0 : center - half, high: p === 1 ? 1 : center + half };
};
