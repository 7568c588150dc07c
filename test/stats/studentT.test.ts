import { assert, describe, it } from "@effect/vitest";
import { studentMean, studentTails } from "../../stats/studentT.ts";
import { relativelyClose } from "./relativelyClose.ts";

/** From mpmath: betainc(v/2, 1/2, 0, v/(v+t²), regularized=True). */
const tails = [
  { t: 2.5, degrees: 4, p: 0.0667665448119882 },
  { t: 1, degrees: 1, p: 0.5 },
  { t: -3, degrees: 2, p: 0.0954659662667091 },
  { t: 12.7062047361747, degrees: 1, p: 0.05 },
  { t: 0.5, degrees: 9, p: 0.629071299826027 },
];

describe("Student's t", () => {
  it("has the tails of the distribution, for odd and even degrees of freedom", () => {
    for (const { t, degrees, p } of tails) relativelyClose(studentTails(t, degrees), p, 1e-12);
    assert.strictEqual(studentTails(0, 3), 1);
    relativelyClose(studentTails(40, 4), 2.33401632260127e-6, 1e-9);
  });

  it("gives the interval of a mean: quantiles 4.30265 and 2.77645 for 3 and 5 values", () => {
    const three = studentMean([1, 2, 3]);
    assert.deepInclude(three, { n: 3, mean: { value: 2, reason: null } });
    relativelyClose(three.interval.high ?? 0, 2 + 4.30265272974946 / Math.sqrt(3), 1e-12);
    const five = studentMean([0, 0, 0, 0, 5]);
    relativelyClose(five.sd.value ?? 0, Math.sqrt(5), 1e-12);
    relativelyClose(five.interval.low ?? 0, 1 - 2.77644510519779, 1e-12);
  });

  it("gives a reason where a number is undefined", () => {
    assert.strictEqual(studentMean([]).mean.reason, "there are no values");
    assert.deepInclude(studentMean([4]), { mean: { value: 4, reason: null } });
    assert.strictEqual(studentMean([4]).interval.reason, "there is one value");
    assert.strictEqual(studentMean([4, 4, 4]).p.reason, "the values are equal");
  });
});
