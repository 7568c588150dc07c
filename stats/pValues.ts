/** The places of p-values from the least to the largest; throws on what is none. */
export const ascending = (pValues: ReadonlyArray<number>): ReadonlyArray<number> => {
  const wrong = pValues.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) throw new RangeError(`${wrong} is no p-value`);
  return pValues.map((_, index) => index).toSorted((i, j) => pValues[i]! - pValues[j]!);
};
