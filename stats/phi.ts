/**
 * Phi, Pearson's correlation of two 0/1 variables, with the ends that it can reach: where the two are true unequally often,
 * phi stays away from 1 however closely they go together. G. U. Yule, "On the methods of measuring association between two
 * attributes", Journal of the Royal Statistical Society 75 (1912), 579-652; the ends: J. P. Guilford, "Fundamental statistics
 * in psychology and education", 4th ed. (1965), 336-338.
 */
import { constantFirst, constantSecond } from "./pearson.ts";
import { type Statistic, type Undefined, valued, without } from "./Statistic.ts";

/** How often two things hold together, alone, and not at all. */
export interface TwoByTwo {
  readonly both: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly neither: number;
}

export const phi = (table: TwoByTwo): Statistic => {
  const margins = marginsOf(table);
  if ("reason" in margins) return margins;
  const { n, first, second } = margins;
  const covariance = n * table.both - first * second;
  const scale = Math.sqrt(first * (n - first)) * Math.sqrt(second * (n - second));
  return valued(Math.min(1, Math.max(-1, covariance / scale)));
};

/** The least and the largest phi of any table with these margins. */
export const phiEnds = (table: TwoByTwo): { readonly min: number; readonly max: number } | null => {
  const margins = marginsOf(table);
  if ("reason" in margins) return null;
  const { n, first, second } = margins;
  const [rarer, commoner] = first <= second ? [first, second] : [second, first];
  const max = Math.sqrt((rarer * (n - commoner)) / ((n - rarer) * commoner));
  // The negation of one of the two swaps its halves: it reaches its largest where the pair reaches its least.
  const [less, more] = first <= n - second ? [first, n - second] : [n - second, first];
  const min = -Math.sqrt((less * (n - more)) / ((n - less) * more));
  return { min, max };
};

const marginsOf = ({
  both,
  onlyFirst,
  onlySecond,
  neither,
}: TwoByTwo):
  | { readonly n: number; readonly first: number; readonly second: number }
  | Undefined => {
  const n = both + onlyFirst + onlySecond + neither;
  const first = both + onlyFirst;
  const second = both + onlySecond;
  if (n === 0) return without("there is nothing in the table");
  if (first === 0 || first === n) return without(constantFirst);
  if (second === 0 || second === n) return without(constantSecond);
  return { n, first, second };
};
