/**
 * Sums of pairs (x, y), and the correlation that follows from them: what can be added up cluster by cluster, so that a
 * resample costs no look at the pairs themselves.
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
 * Where to measure values from, so that their sums of squares keep the digits that tell them apart: from 0, unless they lie
 * closer together than a 256th of the largest; then from the least of them. So values that are all the same have sums that
 * are 0, and not what rounding leaves.
 */
export const originOf = (least: number, most: number): number =>
  most - least < Math.max(-least, most) / 256 ? least : 0;

/**
 * What rounding can make of a constant, as a share of the sum of squares, for each value added up. With u = 2^-53, a sum of n
 * squares is off by at most (n + 1)u of itself; the square of a sum, over n, by at most (2n + 2)u of the sum of squares
 * (N. J. Higham, "Accuracy and stability of numerical algorithms", 2nd ed. (2002), section 4.2); taking one from the other
 * adds u, and multiplicities and the rows' own sums a few more. 4(n + 4)u is above all that. From `originOf` two values that
 * differ leave at least 2^-17 / n, which is more for n up to 10^5.
 */
const roundingEach = 2 ** -51;

/** The sum of squares about the mean; 0 where no more than rounding is left. */
export const aboutMean = (n: number, sum: number, squares: number): number => {
  const about = squares - (sum * sum) / n;
  return about > roundingEach * (n + 4) * squares ? about : 0;
};

/** Pearson's correlation of the pairs, or the reason why there is none. A text and no object, as resamples ask by thousands. */
export const correlationOf = ({ n, x, y, xx, yy, xy }: PairSums): number | string => {
  if (n < 2) return "a correlation needs two pairs";
  return correlationAboutMeans(aboutMean(n, x, xx), aboutMean(n, y, yy), xy - (x * y) / n);
};

/** The same from sums of squares and products about the means. */
export const correlationAboutMeans = (xx: number, yy: number, xy: number): number | string => {
  if (xx <= 0) return constantFirst;
  if (yy <= 0) return constantSecond;
  // One root: of equal sums it is exactly that sum, so a perfect correlation is 1. Only rounding takes it beyond.
  return Math.min(1, Math.max(-1, xy / Math.sqrt(xx * yy)));
};
