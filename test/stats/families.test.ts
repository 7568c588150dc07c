/** Adjusted p-values: against statsmodels, and what makes them what they are. */
import { assert, describe, it } from "@effect/vitest";
import { benjaminiHochberg } from "../../stats/benjaminiHochberg.ts";
import { holm } from "../../stats/holm.ts";
import { Random } from "../../tasks/Random.ts";
import families from "./golden/families.json" with { type: "json" };

const close = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>) => {
  assert.strictEqual(actual.length, expected.length);
  actual.forEach((p, index) => assert.closeTo(p, expected[index]!, 1e-12));
};

describe("adjusted p-values", () => {
  for (const { p, ...reference } of families.cases)
    it(`of ${p.join(", ")} are what statsmodels says`, () => {
      close(holm(p), reference.holm);
      close(benjaminiHochberg(p), reference.benjaminiHochberg);
    });

  it("of no tests are none", () => {
    assert.deepStrictEqual(holm([]), []);
    assert.deepStrictEqual(benjaminiHochberg([]), []);
  });

  it("refuse what is no p-value", () => {
    for (const wrong of [-0.1, 1.1, Number.NaN]) {
      assert.throws(() => holm([0.5, wrong]), RangeError);
      assert.throws(() => benjaminiHochberg([wrong]), RangeError);
    }
  });

  const random = Random.of("families");

  it("are not below the raw ones, keep their order, and go with the tests when these are shuffled", () => {
    for (let trial = 0; trial < 200; trial += 1) {
      const p = Array.from({ length: random.integer(1, 12) }, () => random.integer(0, 20) / 20);
      const order = random.shuffle(p.map((_, index) => index));
      for (const adjust of [holm, benjaminiHochberg]) {
        const adjusted = adjust(p);
        adjusted.forEach((q, index) => assert.isTrue(p[index]! <= q && q <= 1));
        p.forEach((one, i) =>
          p.forEach((other, j) => {
            if (one <= other) assert.isAtMost(adjusted[i]!, adjusted[j]!);
          }),
        );
        const shuffled = adjust(order.map((index) => p[index]!));
        assert.deepStrictEqual(
          shuffled,
          order.map((index) => adjusted[index]!),
        );
      }
      close(
        benjaminiHochberg(p).map((q, index) => Math.min(q, holm(p)[index]!)),
        benjaminiHochberg(p),
      );
    }
  });

  it("keep their promises where a part of the hypotheses is true", () => {
    const trials = 3000;
    let anyFalse = 0;
    let falseShare = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      // Ten tests, six of them of nothing: p uniform; four of something: p small.
      const p = Array.from({ length: 10 }, (_, test) => random.uniform() ** (test < 6 ? 1 : 6));
      if (holm(p).some((q, test) => test < 6 && q <= 0.05)) anyFalse += 1;
      const rejected = benjaminiHochberg(p).flatMap((q, test) => (q <= 0.05 ? [test] : []));
      const wrong = rejected.filter((test) => test < 6).length;
      falseShare += rejected.length === 0 ? 0 : wrong / rejected.length;
    }
    assert.isAtMost(anyFalse / trials, 0.062);
    assert.isAbove(anyFalse / trials, 0.02);
    assert.isAtMost(falseShare / trials, 0.05);
    assert.isAbove(falseShare / trials, 0.015);
  });
});
