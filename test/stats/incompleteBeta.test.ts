import { assert, describe, it } from "@effect/vitest";
import { incompleteBeta } from "../../stats/incompleteBeta.ts";
import { studentQuantile, studentTails } from "../../stats/studentT.ts";
import { relativelyClose } from "./relativelyClose.ts";

describe("the incomplete beta function", () => {
  it("equals SciPy 1.17.1's betainc", () => {
    for (const [x, a, b, value] of [
      [0.3, 2.5, 0.5, 0.018927124071945658],
      [0.999, 50, 0.5, 0.7523690199653766],
      [0.5, 0.5, 0.5, 0.5],
      [0.2, 3, 7, 0.26180249600000016],
      [0.9, 2000, 300, 0.9999983781761461],
    ] as const)
      relativelyClose(incompleteBeta(x, a, b), value, 1e-10);
  });

  it("gives Student's far tails, where 1 minus the middle would be 0 (SciPy 1.17.1)", () => {
    relativelyClose(studentTails(30, 499), 8.760862605828297e-114, 1e-9);
    relativelyClose(studentTails(1.5, 2.5), 0.24783645308629618, 1e-10);
    relativelyClose(studentTails(1e3, 5), 1.898013113197972e-14, 1e-10);
  });

  it("is never a p-value of 0", () => assert.isAbove(studentTails(1e6, 999), 0));

  it("gives quantiles that its tails undo", () => {
    for (const degrees of [1, 2, 4, 185, 499])
      for (const tails of [0.9, 0.2, 0.05, 1e-6])
        relativelyClose(studentTails(studentQuantile(tails, degrees), degrees), tails, 1e-9);
  });
});
