/**
 * Spearman's rank correlation: C. Spearman, "The proof and measurement of association between two things", American Journal
 * of Psychology 15 (1904), 72-101. Ties share the mean of their ranks (mid-ranks: M. G. Kendall, "The treatment
 * of ties in ranking problems", Biometrika 33 (1945), 239-251), and the coefficient is Pearson's of the ranks.
 */
import { pearson } from "./pearson.ts";
import { type Statistic, without } from "./Statistic.ts";

export const spearman = (x: ReadonlyArray<number>, y: ReadonlyArray<number>): Statistic =>
  [...x, ...y].some((value) => Number.isNaN(value))
    ? without("a value is not a number")
    : pearson(midRanks(x), midRanks(y));

/** The rank of each value from 1; equal values have the mean of their ranks. */
export const midRanks = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const order = values.map((_, index) => index).toSorted((i, j) => compare(values[i]!, values[j]!));
  const ranks = values.map(() => 0);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end += 1;
    for (const index of order.slice(start, end)) ranks[index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
};

// A difference of two equal infinities would be NaN.
const compare = (one: number, other: number): number => Number(one > other) - Number(one < other);
