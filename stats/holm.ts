/**
 * P-values adjusted to bound the chance of any false rejection in a family of tests by the level: S. Holm, "A simple
 * sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65-70.
 */

/** Adjusted values in the order given; reject where one is at most the level. Throws on numbers outside 0..1. */
export const holm = (pValues: ReadonlyArray<number>): ReadonlyArray<number> => {
  const wrong = pValues.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) throw new RangeError(`${wrong} is not a p-value`);
  const ascending = pValues.map((_, index) => index).toSorted((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = pValues.map(() => 1);
  let largest = 0;
  ascending.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = largest;
  });
  return adjusted;
};
