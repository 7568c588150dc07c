import type { ParamIssue } from "./Task.ts";

/** The issue of a range `[least, greatest]` whose least is above its greatest. */
export const rangeIssues = (
  name: string,
  [least, greatest]: readonly [number, number],
): ReadonlyArray<ParamIssue> =>
  least <= greatest
    ? []
    : [
        {
          path: [name, 0],
          message: `the least number of ${name}, ${least}, is above the greatest, ${greatest}`,
          expected: `at most ${greatest}`,
        },
      ];
