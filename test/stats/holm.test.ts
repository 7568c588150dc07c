/** P-values adjusted by Holm's procedure: against statsmodels, and the properties that define them. */
import { assert, describe, it } from "@effect/vitest";
import { holm } from "../../stats/holm.ts";
import { Random } from "../../stats/Random.ts";
import families from "./golden/families.json" with { type: "json" };

const close = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>) => {
  assert.strictEqual(actual.length, expected.length);
  actual.forEach((p, index) => assert.closeTo(p, expected[index]!, 1e-12));
};

describe("adjusted p-values", () => {
  for (const { p, ...reference } of families.cases)
    it(`of ${p.join(", ")} equal those of statsmodels`, () => close(holm(p), reference.holm));

  it("of an empty family are an empty list", () => assert.deepStrictEqual(holm([]), []));

  it("throw on a number outside 0..1", () => {
    for (const wrong of [-0.1, 1.1, Number.NaN])
      assert.throws(() => holm([0.5, wrong]), RangeError);
  });

  const random = Random.of("families");

  it("are at least the raw ones, keep their order, and do not depend on the order of the tests", () => {
    for (let trial = 0; trial < 200; trial += 1) {
      const p = Array.from({ length: random.integer(1, 12) }, () => random.integer(0, 20) / 20);
      const order = random.shuffle(p.map((_, index) => index));
      const adjusted = holm(p);
      adjusted.forEach((q, index) => assert.isTrue(p[index]! <= q && q <= 1));
      p.forEach((one, i) =>
        p.forEach((other, j) => {
          if (one <= other) assert.isAtMost(adjusted[i]!, adjusted[j]!);
        }),
      );
      const shuffled = holm(order.map((index) => p[index]!));
      assert.deepStrictEqual(
        shuffled,
        order.map((index) => adjusted[index]!),
      );
    }
  });

  it("bound the chance of any false rejection where some of the hypotheses are true", () => {
    const trials = 3000;
    let anyFalse = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      // Ten tests: six true hypotheses with uniform p, four false ones with small p.
      const p = Array.from({ length: 10 }, (_, test) => random.uniform() ** (test < 6 ? 1 : 6));
      if (holm(p).some((q, test) => test < 6 && q <= 0.05)) anyFalse += 1;
    }
    // Three standard errors of a share of 0.05 in 3000 trials are 0.012.
    assert.isAtMost(anyFalse / trials, 0.062);
    assert.isAbove(anyFalse / trials, 0.02);
  });
});
