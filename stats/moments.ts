/**
 * Sums of pairs (x, y), and the correlation that follows from them. The sums of clusters add up, so a resample needs no
 * pairs.
 */
import { constantFirst, constantSecond } from "./pearson.ts";

export interface PairSums {
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

/**
 * The origin from which sums of squares of values keep the digits in which these differ: 0, or the least value where all
 * differ by less than a 256th of the largest. Sums of equal values are then exactly 0, without rounding errors.
 */
export const originOf = (least: number, most: number): number =>
  most - least < Math.max(-least, most) / 256 ? least : 0;

/**
 * The rounding error of a constant's sum of squares, as a share of this sum, for each value. With u = 2^-53, a sum of n
 * squares is off by at most (n + 1)u of itself; the square of a sum, over n, by at most (2n + 2)u of the sum of squares
 * (N. J. Higham, "Accuracy and stability of numerical algorithms", 2nd ed. (2002), section 4.2); the
 * subtraction adds u, and multiplicities and the rows' own sums add a few more. 4(n + 4)u exceeds the total. Two different
 * values measured from `originOf` leave at least 2^-17 / n, which is more for n up to 10^5.
 */
const roundingEach = 2 ** -51;

/** The sum of squares about the mean; 0 if it is within rounding error. */
export const aboutMean = (n: number, sum: number, squares: number): number => {
  const about = squares - (sum * sum) / n;
  return about > roundingEach * (n + 4) * squares ? about : 0;
};

/** Pearson's correlation of the pairs, or the reason why it is undefined. Thousands of resamples call it: it returns no object. */
export const correlationOf = ({ n, x, y, xx, yy, xy }: PairSums): number | string => {
  if (n < 2) return "a correlation needs two pairs";
  return correlationAboutMeans(aboutMean(n, x, xx), aboutMean(n, y, yy), xy - (x * y) / n);
};

/** Pearson's correlation from the sums of squares and products about the means. */
export const correlationAboutMeans = (xx: number, yy: number, xy: number): number | string => {
  if (xx <= 0) return constantFirst;
  if (yy <= 0) return constantSecond;
  // A single root is exact for equal sums, so a perfect correlation is 1. Rounding may exceed ±1.
  return Math.min(1, Math.max(-1, xy / Math.sqrt(xx * yy)));
};
