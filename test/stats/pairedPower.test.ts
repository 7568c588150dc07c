import { assert, describe, it } from "@effect/vitest";
import { noncentralT, pairedPower, pairsForPower } from "../../stats/pairedPower.ts";
import { relativelyClose } from "./relativelyClose.ts";
import golden from "./golden/power.json" with { type: "json" };

describe("the power of a paired t-test", () => {
  it("equals statsmodels' TTestPower, and the distribution SciPy's nct", () => {
    for (const { size, pairs, power } of golden.cases.power)
      relativelyClose(pairedPower(size, pairs), power, 1e-6);
    for (const { t, degrees, shift, p } of golden.cases.distribution)
      assert.closeTo(noncentralT(t, degrees, shift), p, 1e-9);
  });

  it("gives the fewest pairs: one fewer has less than 80 %", () => {
    for (const size of [0.1, 0.35, 0.8, 1.5, 4]) {
      const pairs = pairsForPower(size)!;
      assert.isAtLeast(pairedPower(size, pairs), 0.8);
      if (pairs > 2) assert.isBelow(pairedPower(size, pairs - 1), 0.8);
    }
    assert.isNull(pairsForPower(0.001));
  });
});
