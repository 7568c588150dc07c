/** Binomial tails, Clopper-Pearson and McNemar: against SciPy and statsmodels, and against what they promise. */
import { assert, describe, it } from "@effect/vitest";
import { binomialTails } from "../../stats/binomial.ts";
import { clopperPearson } from "../../stats/clopperPearson.ts";
import { mcnemar } from "../../stats/mcnemar.ts";
import { wilson } from "../../stats/wilson.ts";
import binomial from "./golden/binomial.json" with { type: "json" };
import paired from "./golden/mcnemar.json" with { type: "json" };
import proportions from "./golden/proportions.json" with { type: "json" };
import { relativelyClose } from "./relativelyClose.ts";

describe("the binomial distribution", () => {
  for (const { k, n, p, ...reference } of binomial.cases)
    it(`at ${k} of ${n}, p = ${p}, is what SciPy says`, () => {
      const tails = binomialTails(k, n, p);
      relativelyClose(tails.atMost, reference.atMost, 1e-9);
      relativelyClose(tails.exactly, reference.exactly, 1e-9);
      relativelyClose(tails.atLeast, reference.atLeast, 1e-9);
    });

  it("has tails that overlap in one term and mirror when success and failure swap", () => {
    for (const p of [0.01, 0.3, 0.5, 0.97])
      for (let k = 0; k <= 30; k += 1) {
        const { atMost, exactly, atLeast } = binomialTails(k, 30, p);
        assert.closeTo(atMost + atLeast - exactly, 1, 1e-12);
        relativelyClose(binomialTails(30 - k, 30, 1 - p).atLeast, atMost, 1e-11);
      }
  });
});

describe("the Clopper-Pearson interval", () => {
  for (const { k, n, clopperPearson: reference } of proportions.cases)
    it(`of ${k} in ${n} is what statsmodels says`, () => {
      const interval = clopperPearson(k, n) ?? assert.fail();
      assert.deepInclude(interval, { successes: k, n, value: k / n });
      relativelyClose(interval.low, reference[0]!, 1e-9);
      relativelyClose(interval.high, reference[1]!, 1e-9);
    });

  it("of nothing is null", () => assert.isNull(clopperPearson(0, 0)));

  it("holds the proportion, lies in 0 … 1, and mirrors when successes and failures swap", () => {
    for (let n = 1; n <= 40; n += 1)
      for (let k = 0; k <= n; k += 1) {
        const { low, high, value } = clopperPearson(k, n) ?? assert.fail();
        assert.isTrue(0 <= low && low <= value && value <= high && high <= 1, `${k} of ${n}`);
        assert.closeTo(1 - (clopperPearson(n - k, n)?.high ?? 2), low, 1e-12);
      }
  });

  it("holds the truth in at least 95 of 100 cases, whatever it is", () => {
    for (const n of [5, 20, 100]) {
      const intervals = Array.from({ length: n + 1 }, (_, k) => clopperPearson(k, n)!);
      for (let p = 0.003; p < 1; p += 0.007) {
        const covered = intervals.reduce(
          (sum, { low, high }, k) =>
            low <= p && p <= high ? sum + binomialTails(k, n, p).exactly : sum,
          0,
        );
        assert.isAtLeast(covered, 0.95 - 1e-12, `n ${n}, p ${p}`);
      }
    }
  });
});

describe("Wilson's interval", () => {
  for (const { k, n, wilson: reference } of proportions.cases)
    it(`of ${k} in ${n} is what statsmodels says`, () => {
      assert.closeTo(wilson(k, n)?.low ?? 2, reference[0]!, 1e-12);
      assert.closeTo(wilson(k, n)?.high ?? 2, reference[1]!, 1e-12);
    });
});

describe("McNemar's test", () => {
  for (const { b, c, exact, midP } of paired.cases)
    it(`of ${b} against ${c} is what statsmodels and SciPy say`, () => {
      relativelyClose(mcnemar(b, c).p, exact, 1e-9);
      relativelyClose(mcnemar(b, c, "mid-p").p, midP, 1e-9);
    });

  it("does not care which is first, says which method it is, and mid-p is the smaller", () => {
    for (let b = 0; b <= 25; b += 1)
      for (let c = 0; c <= 25; c += 1) {
        const exact = mcnemar(b, c);
        assert.strictEqual(exact.method, "exact");
        assert.strictEqual(exact.p, mcnemar(c, b).p);
        const middle = mcnemar(b, c, "mid-p");
        assert.strictEqual(middle.method, "mid-p");
        assert.isTrue(0 < middle.p && middle.p <= exact.p && exact.p <= 1, `${b} ${c}`);
      }
  });

  it("rejects what is true in at most 5 of 100 cases, by the exact p", () => {
    for (let n = 1; n <= 60; n += 1) {
      let rejected = 0;
      for (let b = 0; b <= n; b += 1)
        if (mcnemar(b, n - b).p <= 0.05) rejected += binomialTails(b, n, 0.5).exactly;
      assert.isAtMost(rejected, 0.05 + 1e-12, `${n} discordant`);
    }
  });
});
