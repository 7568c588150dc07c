/** Pearson, Spearman and the range of phi: against SciPy, and properties of every correlation. */
import { assert, describe, it } from "@effect/vitest";
import { aboutMean, correlationOf, originOf } from "../../stats/moments.ts";
import { pearson } from "../../stats/pearson.ts";
import { phiEnds } from "../../stats/phiEnds.ts";
import { midRanks, spearman } from "../../stats/spearman.ts";
import { Random } from "../../stats/Random.ts";
import correlations from "./golden/correlations.json" with { type: "json" };
import tables from "./golden/tables.json" with { type: "json" };

type Numbers = ReadonlyArray<number>;
type Correlation = typeof pearson;

const valueOf = (of: Correlation, x: Numbers, y: Numbers): number =>
  of(x, y).value ?? assert.fail("undefined");

describe("correlations", () => {
  for (const { name, x, y, ...reference } of correlations.cases)
    it(`of "${name}" equal those of SciPy`, () => {
      assert.closeTo(valueOf(pearson, x, y), reference.pearson, 1e-9);
      assert.closeTo(valueOf(spearman, x, y), reference.spearman, 1e-12);
    });

  const random = Random.of("correlations");
  const samples = Array.from({ length: 200 }, (_, index) => {
    const n = 2 + (index % 30);
    const x = Array.from({ length: n }, () => random.integer(0, 4));
    return { x, y: x.map((value) => value * random.integer(-1, 1) + random.integer(0, 3)) };
  });

  for (const [name, of] of Object.entries({ pearson, spearman }))
    it(`${name} is symmetric, odd, invariant to scale and order, and within ±1`, () => {
      for (const { x, y } of samples) {
        const r = of(x, y).value;
        const again = (xs: Numbers, ys: Numbers) => of(xs, ys).value;
        if (r === null) {
          assert.isNull(again(y, x));
          continue;
        }
        assert.isAtMost(Math.abs(r), 1);
        assert.closeTo(again(y, x)!, r, 1e-12);
        const negated = x.map((value) => -value);
        assert.closeTo(again(negated, y)!, -r, 1e-12);
        const scaled = x.map((value) => 3 * value + 7);
        assert.closeTo(again(scaled, y)!, r, 1e-12);
        assert.closeTo(again(x.toReversed(), y.toReversed())!, r, 1e-12);
        assert.closeTo(again(x, x)!, 1, 1e-12);
      }
    });

  it("Spearman depends on ranks alone", () => {
    for (const { x, y } of samples)
      assert.deepStrictEqual(
        spearman(
          x.map((value) => Math.exp(value)),
          y,
        ),
        spearman(x, y),
      );
  });

  it("ties share the mean of their ranks", () => {
    assert.deepStrictEqual(midRanks([3, 1, 3, 2, 3]), [4, 1, 4, 2, 4]);
    assert.deepStrictEqual(midRanks([]), []);
    assert.deepStrictEqual(midRanks([Infinity, -Infinity, 0, 0]), [4, 1, 2.5, 2.5]);
  });

  it("from sums equal those from pairs", () => {
    for (const { x, y } of samples) {
      const sum = (of: (x: number, y: number) => number) =>
        x.reduce((total, value, index) => total + of(value, y[index]!), 0);
      const r = correlationOf({
        n: x.length,
        x: sum((one) => one),
        y: sum((_, other) => other),
        xx: sum((one) => one * one),
        yy: sum((_, other) => other * other),
        xy: sum((one, other) => one * other),
      });
      const { value, reason } = pearson(x, y);
      if (typeof r === "number") assert.closeTo(r, value ?? 2, 1e-12);
      else assert.strictEqual(r, reason);
    }
  });
});

describe("an undefined correlation has a reason and no number", () => {
  const cases: ReadonlyArray<readonly [string, Numbers, Numbers, RegExp]> = [
    ["no pairs", [], [], /two pairs, here there is none/u],
    ["one pair", [1], [2], /two pairs, here there is one/u],
    ["a constant first", [0.1, 0.1, 0.1], [1, 2, 3], /first variable is constant/u],
    ["a constant second", [1, 2, 3], [0, 0, 0], /second variable is constant/u],
    ["not a number", [1, Number.NaN], [1, 2], /not/u],
    ["less than any difference", [0, 5e-324], [1, 2], /constant/u],
  ];
  for (const [name, x, y, reason] of cases)
    it(name, () => {
      assert.isNull(pearson(x, y).value);
      assert.match(pearson(x, y).reason ?? "", reason);
      if (name !== "less than any difference") assert.isNull(spearman(x, y).value);
    });

  it("an infinity has a rank but no deviation", () => {
    assert.isNull(pearson([1, 2, Infinity], [1, 2, 3]).value);
    assert.strictEqual(spearman([1, 2, Infinity], [1, 2, 3]).value, 1);
  });

  it("the largest and the smallest doubles have a correlation", () => {
    const max = Number.MAX_VALUE;
    assert.closeTo(valueOf(pearson, [-max, 0, max], [1e-320, 2e-320, 3e-320]), 1, 1e-3);
    assert.closeTo(valueOf(pearson, [max, max, -max], [1, 1, 0]), 1, 1e-12);
  });

  it("the rounding errors of a constant count as 0", () => {
    const constant = Array.from({ length: 1000 }, () => 0.7);
    const sum = constant.reduce((total, value) => total + value, 0);
    const squares = constant.reduce((total, value) => total + value * value, 0);
    assert.strictEqual(aboutMean(1000, sum, squares), 0);
    assert.closeTo(aboutMean(1000, sum + 0.001, squares + 2 * 0.7 * 0.001), 1e-6, 1e-6);
  });

  it("a single different value among many does not count as rounding, measured from `originOf`", () => {
    const n = 100_000;
    for (const [least, most] of [
      [0, 1],
      [0.5, 0.5 + 2 ** -30],
      [-7 - 2 ** -20, -7],
      [1 - 2 ** -7, 1],
    ] as const)
      for (const [rare, common] of [
        [least, most],
        [most, least],
      ] as const) {
        const [one, other] = [rare, common].map((value) => value - originOf(least, most)) as [
          number,
          number,
        ];
        let [sum, squares] = [one, one * one];
        for (let count = 1; count < n; count += 1) {
          sum += other;
          squares += other * other;
        }
        const expected = (one - other) ** 2 * (1 - 1 / n);
        assert.closeTo(aboutMean(n, sum, squares) / expected, 1, 0.01, `${rare} in ${common}`);
      }
  });

  it("unequal lengths throw", () => {
    assert.throws(() => pearson([1, 2], [1]), RangeError);
  });
});

describe("the range of phi", () => {
  for (const { table, min, max } of tables.cases)
    it(`of ${JSON.stringify(table)} equals the range over all tables with its margins`, () => {
      const ends = phiEnds(table) ?? assert.fail();
      assert.closeTo(ends.max, max, 1e-12);
      assert.closeTo(ends.min, min, 1e-12);
    });

  it("is null where a variable is constant", () => {
    const none = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0 };
    assert.isNull(phiEnds(none));
    assert.isNull(phiEnds({ ...none, both: 3, onlyFirst: 2 }));
    assert.isNull(phiEnds({ ...none, both: 3, onlySecond: 2 }));
    assert.isNull(phiEnds({ ...none, both: 3 }));
  });

  it("contains Pearson's correlation of the pairs", () => {
    const random = Random.of("phi");
    for (let trial = 0; trial < 300; trial += 1) {
      const [both, onlyFirst, onlySecond, neither] = Array.from({ length: 4 }, () =>
        random.integer(0, 6),
      ) as [number, number, number, number];
      const ends = phiEnds({ both, onlyFirst, onlySecond, neither });
      const x = [...Array(both + onlyFirst).fill(1), ...Array(onlySecond + neither).fill(0)];
      const y = [both, onlyFirst, onlySecond, neither].flatMap((count, cell) =>
        Array<number>(count).fill(cell % 2 === 0 ? 1 : 0),
      );
      const { value } = pearson(x as Numbers, y);
      assert.strictEqual(ends === null, value === null);
      if (ends === null || value === null) continue;
      const { min, max } = ends;
      assert.isTrue(-1 <= min && min <= value + 1e-12 && value <= max + 1e-12 && max <= 1);
    }
  });
});
