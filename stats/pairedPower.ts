/**
 * The power of a two-sided paired t-test at 5 %, and the pairs that give 80 %. Exact: the non-central t distribution by R. V. Lenth,
 * "Algorithm AS 243: cumulative distribution function of the non-central t distribution", Applied Statistics 38 (1989), 185-189.
 */
import { incompleteBeta, logGamma } from "./incompleteBeta.ts";
import { normalDistribution } from "./normalDistribution.ts";
import { studentQuantile } from "./studentT.ts";

/** The probability that a non-central t number is at most `t`, for shifts of at most 37. */
export const noncentralT = (t: number, degrees: number, shift: number): number => {
  if (t < 0) return 1 - noncentralT(-t, degrees, -shift);
  const x = (t * t) / (t * t + degrees);
  const half = (shift * shift) / 2;
  let sum = 0;
  let left = 1;
  for (let j = 0; j < 2000 && left > 1e-13; j += 1) {
    const even = Math.exp(-half + j * Math.log(half) - logGamma(j + 1));
    const odd = (shift / Math.SQRT2) * Math.exp(-half + j * Math.log(half) - logGamma(j + 1.5));
    sum +=
      even * incompleteBeta(x, j + 0.5, degrees / 2) + odd * incompleteBeta(x, j + 1, degrees / 2);
    left -= even;
  }
  return Math.min(1, normalDistribution(-shift) + sum / 2);
};

/** `size` is the mean difference over its standard deviation between pairs. */
export const pairedPower = (size: number, pairs: number): number => {
  const shift = Math.abs(size) * Math.sqrt(pairs);
  if (shift === 0) return 0.05;
  if (shift > 30) return 1;
  const critical = studentQuantile(0.05, pairs - 1);
  return 1 - noncentralT(critical, pairs - 1, shift) + noncentralT(-critical, pairs - 1, shift);
};

const mostPairs = 10_000;

/** The fewest pairs with at least this power; null if it is more than 10,000. */
export const pairsForPower = (size: number, power = 0.8): number | null => {
  if (pairedPower(size, mostPairs) < power) return null;
  let [low, high] = [1, mostPairs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (pairedPower(size, middle) >= power) high = middle;
    else low = middle;
  }
  return high;
};
