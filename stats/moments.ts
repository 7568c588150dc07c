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
 * A variance below this share of the mean square is what rounding leaves of a constant: subtracting the square of a sum from
 * a sum of squares keeps no more than twelve digits to trust. Take values as differences from a typical one where their mean
 * is large beside their spread.
 */
const rounding = 1e-12;

/** The sum of squares about the mean; 0 where the values are one but for rounding. */
export const aboutMean = (n: number, sum: number, squares: number): number => {
  const about = squares - (sum * sum) / n;
  return about > rounding * squares ? about : 0;
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
