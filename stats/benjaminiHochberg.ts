/**
 * P-values adjusted so that the expected share of false ones among the rejections stays below the level: Y. Benjamini and
 * Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical Society B 57 (1995), 289-300. For
 * exploration; it presumes that the tests are independent or positively dependent.
 */
import { ascending } from "./pValues.ts";

/** In the order given; reject where the adjusted value is at most the level. */
export const benjaminiHochberg = (pValues: ReadonlyArray<number>): ReadonlyArray<number> => {
  const adjusted = pValues.map(() => 1);
  let least = 1;
  const descending = ascending(pValues).toReversed();
  descending.forEach((index, fromLast) => {
    const rank = pValues.length - fromLast;
    least = Math.min(least, pValues[index]! * (pValues.length / rank));
    adjusted[index] = least;
  });
  return adjusted;
};
