import { assert, describe, it } from "@effect/vitest";
import { wilson } from "../../stats/wilson.ts";

describe("the Wilson interval", () => {
  // statsmodels 0.15.0, proportion_confint(successes, n, 0.05, "wilson")
  const reference = [
    [0, 1, 0.0, 0.7934506856227627],
    [1, 1, 0.2065493143772374, 1.0],
    [0, 10, 0.0, 0.27753279986288926],
    [10, 10, 0.7224672001371106, 1.0],
    [1, 10, 0.017876213095072924, 0.40415002679523854],
    [5, 10, 0.23659309051256394, 0.7634069094874361],
    [9, 10, 0.5958499732047614, 0.982123786904927],
    [81, 263, 0.2552885198782742, 0.36620957698280004],
    [3, 500, 0.002042596271960238, 0.017490252104053382],
    [250, 500, 0.4563412653024843, 0.5436587346975157],
    [497, 500, 0.9825097478959467, 0.9979574037280398],
    [1, 100_000, 1.7652477303783092e-6, 5.664709659040968e-5],
    [7, 10, 0.39677814746114537, 0.8922087325936989],
    [99999, 100000, 0.9999433529034099, 0.9999982347522698],
    [1, 1000000, 1.7652457674537176e-7, 5.664911804311445e-6],
    [123_456, 1_000_000, 0.12281269653142285, 0.12410219641400438],
  ] as const;
  for (const [successes, n, low, high] of reference) {
    it(`of ${successes} in ${n} equals that of statsmodels`, () => {
      const interval = wilson(successes, n);
      assert.deepInclude(interval, { successes, n, value: successes / n });
      assert.closeTo(interval?.low ?? Number.NaN, low, 1e-12);
      assert.closeTo(interval?.high ?? Number.NaN, high, 1e-12);
    });
  }

  it("without trials is null", () => assert.isNull(wilson(0, 0)));

  it("contains the proportion, lies in 0 … 1, and mirrors when successes and failures swap", () => {
    for (let n = 1; n <= 60; n += 1) {
      for (let k = 0; k <= n; k += 1) {
        const { low, high, value } = wilson(k, n) ?? assert.fail();
        assert.isTrue(0 <= low && low <= value && value <= high && high <= 1, `${k} of ${n}`);
        const mirrored = wilson(n - k, n) ?? assert.fail();
        assert.closeTo(1 - mirrored.high, low, 1e-12);
      }
    }
  });

  it("narrows with more trials", () => {
    const widths = [10, 100, 1000, 10_000].map((n) => {
      const { low, high } = wilson(0.3 * n, n) ?? assert.fail();
      return high - low;
    });
    assert.deepStrictEqual(
      widths,
      widths.toSorted((a, b) => b - a),
    );
  });

  /** The coverage of p, summed over all outcomes of n trials. */
  const coverage = (n: number, p: number): number => {
    let probability = (1 - p) ** n;
    let covered = 0;
    for (let k = 0; k <= n; k += 1) {
      const { low, high } = wilson(k, n) ?? assert.fail();
      if (low <= p && p <= high) covered += probability;
      probability *= ((n - k) / (k + 1)) * (p / (1 - p));
    }
    return covered;
  };

  // Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16 (2001), section 4.
  for (const n of [20, 50, 100, 200]) {
    it(`of ${n} trials covers the truth in about 95 %`, () => {
      const shares = Array.from({ length: 181 }, (_, index) => coverage(n, 0.05 + index * 0.005));
      const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      assert.closeTo(mean, 0.95, 0.006);
      assert.isAbove(Math.min(...shares), 0.9);
    });
  }
});
