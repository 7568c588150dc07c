import { assert, describe, it } from "@effect/vitest";
import { proportionDifference } from "../../stats/newcombe.ts";
import { type Proportion, wilson } from "../../stats/wilson.ts";

const proportion = (successes: number, n: number): Proportion =>
  wilson(successes, n) ?? assert.fail();

describe("the interval of a difference of proportions", () => {
  // Newcombe (1998), table II, method 10.
  const reference = [
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [0, 10, 0, 10, -0.2775, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
    [10, 10, 0, 10, 0.6075, 1],
  ] as const;
  for (const [a, m, b, n, low, high] of reference) {
    it(`of ${a}/${m} and ${b}/${n} equals that of the paper`, () => {
      const difference = proportionDifference(proportion(a, m), proportion(b, n));
      assert.closeTo(difference.value, a / m - b / n, 1e-12);
      assert.closeTo(difference.low, low, 5e-5);
      assert.closeTo(difference.high, high, 5e-5);
    });
  }

  it("contains the difference, lies in -1 … 1, and changes sign when the two swap", () => {
    for (let m = 1; m <= 12; m += 1)
      for (let n = 1; n <= 12; n += 1)
        for (let a = 0; a <= m; a += 1)
          for (let b = 0; b <= n; b += 1) {
            const [one, other] = [proportion(a, m), proportion(b, n)];
            const { value, low, high } = proportionDifference(one, other);
            const name = `${a}/${m} - ${b}/${n}`;
            assert.isTrue(-1 - 1e-12 <= low && low <= value && value <= high, name);
            assert.isTrue(high <= 1 + 1e-12, name);
            const swapped = proportionDifference(other, one);
            assert.closeTo(swapped.low, -high, 1e-12);
            assert.closeTo(swapped.high, -low, 1e-12);
          }
  });
});
