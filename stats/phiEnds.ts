/**
 * The range of phi, Pearson's correlation of two 0/1 variables, given the counts of 1 in each: phi reaches 1 only if these
 * are equal. J. P. Guilford, "Fundamental statistics in psychology and education", 4th ed. (1965), 336-338.
 */

/** Counts of pairs: both 1, only the first, only the second, neither. */
export interface TwoByTwo {
  readonly both: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly neither: number;
}

/** The least and the greatest phi of any table with these margins; null where one variable is constant. */
export const phiEnds = ({
  both,
  onlyFirst,
  onlySecond,
  neither,
}: TwoByTwo): { readonly min: number; readonly max: number } | null => {
  const n = both + onlyFirst + onlySecond + neither;
  const first = both + onlyFirst;
  const second = both + onlySecond;
  if (first === 0 || first === n || second === 0 || second === n) return null;
  const [rarer, commoner] = first <= second ? [first, second] : [second, first];
  const max = Math.sqrt((rarer * (n - commoner)) / ((n - rarer) * commoner));
  // Negating the second variable negates phi, so the least phi is the greatest of the negated pair.
  const [less, more] = first <= n - second ? [first, n - second] : [n - second, first];
  const min = -Math.sqrt((less * (n - more)) / ((n - less) * more));
  return { min, max };
};
