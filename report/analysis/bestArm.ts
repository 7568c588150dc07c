/** The arm with the highest accuracy in a run's first table, for a line in a list: no test, and its interval says how sure it is. */
import { armSetsOf } from "./Arms.ts";
import type { RunData } from "../ReportData.ts";
import { rangeText, valueText } from "./numberText.ts";

/** End to end, or given p* where the table has nothing else; undefined for a run without a table. */
export const bestArmText = (
  run: Pick<RunData, "run" | "numbers" | "points">,
): string | undefined => {
  const [set] = armSetsOf(run);
  for (const metric of ["a", "a_r"] as const) {
    const found = set?.arms.flatMap(({ name, row }) => {
      const proportion = row[metric];
      return proportion === null ? [] : [{ name, proportion }];
    });
    const [best] =
      found?.toSorted((one, other) => other.proportion.value - one.proportion.value) ?? [];
    if (best !== undefined)
      return `${best.name}: ${metric} ${valueText(best.proportion.value)} ${rangeText(best.proportion)}`;
  }
  return undefined;
};
