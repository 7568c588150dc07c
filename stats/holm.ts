/**
 * P-values adjusted so that the chance of any false rejection in the family stays below the level: S. Holm, "A simple
 * sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65-70. For what was meant to
 * be confirmed.
 */
import { ascending } from "./pValues.ts";

/** In the order given; reject where the adjusted value is at most the level. */
export const holm = (pValues: ReadonlyArray<number>): ReadonlyArray<number> => {
  const adjusted = pValues.map(() => 1);
  let largest = 0;
  ascending(pValues).forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = largest;
  });
  return adjusted;
};
