/** The bootstraps: the same resamples as a second implementation, the intervals that SciPy makes of them, and coverage. */
import { assert, describe, it } from "@effect/vitest";
import { type BootstrapMethod, bootstrapInterval } from "../../stats/bootstrapInterval.ts";
import { ClusterBootstrap, type OfTotals } from "../../stats/ClusterBootstrap.ts";
import { correlationOf } from "../../stats/moments.ts";
import { normalDistribution } from "../../stats/normalDistribution.ts";
import { pairedBootstrap } from "../../stats/pairedBootstrap.ts";
import { Random } from "../../tasks/Random.ts";
import bootstraps from "./golden/bootstraps.json" with { type: "json" };
import normal from "./golden/normal.json" with { type: "json" };

type Numbers = ReadonlyArray<number>;

/** Sums for a correlation, a row a cluster. */
const rowsOf = (x: Numbers, y: Numbers, clusters: Numbers) => {
  const rows = new Map<number, Array<number>>();
  x.forEach((first, index) => {
    const second = y[index]!;
    const row = rows.get(clusters[index]!) ?? [0, 0, 0, 0, 0, 0];
    const pair = [1, first, second, first * first, second * second, first * second];
    rows.set(
      clusters[index]!,
      row.map((sum, column) => sum + pair[column]!),
    );
  });
  return { width: 6, sums: Float64Array.from([...rows.values()].flat()) };
};

const correlation: OfTotals = ([n, x, y, xx, yy, xy]) =>
  correlationOf({ n: n!, x: x!, y: y!, xx: xx!, yy: yy!, xy: xy! });

const intervalOf = (
  x: Numbers,
  y: Numbers,
  clusters: Numbers,
  { seed, resamples, method }: { seed: number; resamples: number; method: BootstrapMethod },
) => {
  const bootstrap = new ClusterBootstrap(rowsOf(x, y, clusters), [correlation], seed);
  for (let drawn = 0; drawn < resamples; drawn += 1) bootstrap.draw();
  return bootstrap.intervals(method)[0]!;
};

describe("the normal distribution", () => {
  for (const { x, p } of normal.cases)
    it(`at ${x} is what SciPy says`, () => assert.closeTo(normalDistribution(x), p, 1e-15));
});

describe("the bootstrap", () => {
  for (const { name, statistic, x, y, clusters, seed, resamples, ...reference } of bootstraps.cases)
    for (const method of ["percentile", "bca"] as const)
      it(`of "${name}", ${statistic}, ${method}, is what SciPy says of the same resamples`, () => {
        const options = { seed, resamples, method };
        const { interval, estimate } =
          statistic === "pearson"
            ? { interval: intervalOf(x, y, clusters, options), estimate: null }
            : (() => {
                const paired = pairedBootstrap(x, y, { ...options, clusters });
                return { interval: paired.interval, estimate: paired.difference.value };
              })();
        if (estimate !== null) assert.closeTo(estimate, reference.estimate, 1e-12);
        assert.closeTo(interval.low ?? 9, reference[method][0]!, 1e-7);
        assert.closeTo(interval.high ?? 9, reference[method][1]!, 1e-7);
      });

  it("is the same twice, and another with another seed", () => {
    const random = Random.of("twice");
    const x = Array.from({ length: 30 }, () => random.normal());
    const y = x.map((value) => value + random.normal());
    const options = { seed: 1, resamples: 200, method: "bca" } as const;
    const once = pairedBootstrap(x, y, options);
    assert.deepStrictEqual(pairedBootstrap(x, y, options), once);
    assert.notDeepEqual(pairedBootstrap(x, y, { ...options, seed: 2 }).interval, once.interval);
  });

  it("says in which way it is undefined, and gives no number", () => {
    const options = { seed: 0, resamples: 100, method: "bca" } as const;
    const nothing = pairedBootstrap([], [], options);
    assert.isNull(nothing.difference.value);
    assert.match(nothing.interval.reason ?? "", /no items/u);
    const one = pairedBootstrap([1], [0], options);
    assert.strictEqual(one.difference.value, 1);
    assert.match(one.interval.reason ?? "", /two clusters/u);
    const same = pairedBootstrap([1, 2, 3], [0, 1, 2], options);
    assert.strictEqual(same.difference.value, 1);
    assert.match(same.interval.reason ?? "", /same in every resample/u);
    const infinite = pairedBootstrap([1, Infinity], [0, 1], options);
    assert.isNull(infinite.difference.value);
    assert.isNull(infinite.interval.low);
    const few = intervalOf([0, 0, 0, 1], [0, 1, 0, 1], [0, 1, 2, 3], options);
    assert.match(few.reason ?? "", /undefined in \d+ of 100 resamples/u);
    const constant = intervalOf([1, 1, 1], [0, 1, 0], [0, 1, 2], options);
    assert.match(constant.reason ?? "", /first variable is constant/u);
  });

  it("has no interval where every resample is beyond the estimate", () => {
    const replicates = [1, 2, 3, 4, 5];
    const from = { estimate: 0, replicates, jackknife: [1, 2, 3] };
    assert.match(bootstrapInterval(from, "bca").reason ?? "", /one side/u);
    assert.strictEqual(bootstrapInterval(from, "percentile").low, 1.1);
    // The acceleration is at most a sixth; the bias has to do the rest.
    const above = Array.from({ length: 1e5 }, (_, index) => index);
    const jackknife = [...Array<number>(1e4).fill(0), -1];
    const skewed = { estimate: 99_998, replicates: above, jackknife };
    assert.match(bootstrapInterval(skewed, "bca").reason ?? "", /skewness/u);
  });

  it("of a difference turns with the order of the two, and knows how many items and clusters there are", () => {
    const random = Random.of("turn");
    const x = Array.from({ length: 40 }, () => random.integer(0, 1));
    const y = x.map((value) => (random.uniform() < 0.3 ? 1 - value : value));
    const clusters = x.map((_, index) => index % 10);
    const options = { seed: 5, resamples: 300, method: "percentile", clusters } as const;
    const there = pairedBootstrap(x, y, options);
    const back = pairedBootstrap(y, x, options);
    assert.deepInclude(there, { items: 40, clusters: 10 });
    assert.closeTo(there.interval.low ?? 9, -(back.interval.high ?? 9), 1e-12);
    assert.throws(() => pairedBootstrap([1], [], options), RangeError);
  });
});

describe("coverage", () => {
  /** Prompts differ in how hard they are; a prompt's responses share that. */
  const simulate = (random: Random, prompts: number, size: number) => {
    const x: Array<number> = [];
    const y: Array<number> = [];
    const clusters: Array<number> = [];
    for (let prompt = 0; prompt < prompts; prompt += 1) {
      const [shared, mine, yours] = [random.normal(), random.normal(), random.normal()];
      for (let sample = 0; sample < size; sample += 1) {
        const common = shared + random.normal();
        x.push(common + mine + random.normal());
        y.push(common + yours + random.normal());
        clusters.push(prompt);
      }
    }
    return { x, y, clusters };
  };
  // Var(x) = 4, Cov(x, y) = 2.
  const truth = 0.5;

  /** How often each interval holds the truth, the units drawn being prompts or single responses. */
  const coverage = (prompts: number, unit: "prompt" | "response", trials: number) => {
    const random = Random.of("coverage", prompts);
    const held = { percentile: 0, bca: 0 };
    for (let trial = 0; trial < trials; trial += 1) {
      const { x, y, clusters } = simulate(random, prompts, 8);
      const units = unit === "prompt" ? clusters : x.map((_, index) => index);
      const bootstrap = new ClusterBootstrap(rowsOf(x, y, units), [correlation], trial);
      for (let drawn = 0; drawn < 300; drawn += 1) bootstrap.draw();
      for (const method of ["percentile", "bca"] as const) {
        const { low, high } = bootstrap.intervals(method)[0]!;
        if (low !== null && low <= truth && truth <= high) held[method] += 1;
      }
    }
    return { percentile: held.percentile / trials, bca: held.bca / trials };
  };

  // Three standard errors of a share of 0.95 in 400 trials are 0.033.
  it("over many clusters is near 95 of 100", () => {
    const { percentile, bca } = coverage(100, "prompt", 400);
    for (const share of [percentile, bca]) assert.closeTo(share, 0.95, 0.033);
  });

  it("over few clusters is lower: a bootstrap then promises too much", () => {
    const { percentile, bca } = coverage(20, "prompt", 400);
    for (const share of [percentile, bca]) assert.closeTo(share, 0.92, 0.04);
  });

  it("over responses where there are prompts is far too low", () => {
    const { percentile, bca } = coverage(30, "response", 200);
    for (const share of [percentile, bca]) assert.isBelow(share, 0.85);
  });

  it("of a paired difference of 0/1 items is near 95 of 100", () => {
    const random = Random.of("paired");
    const trials = 400;
    for (const method of ["percentile", "bca"] as const) {
      let held = 0;
      for (let trial = 0; trial < trials; trial += 1) {
        const pairs = Array.from({ length: 100 }, () => {
          const level = random.uniform();
          return [Number(level < 0.7), Number(random.uniform() < 0.6 ? level < 0.6 : level > 0.4)];
        });
        const [x, y] = [pairs.map(([first]) => first!), pairs.map(([, second]) => second!)];
        const { interval } = pairedBootstrap(x, y, { seed: trial, resamples: 300, method });
        if (interval.low !== null && interval.low <= 0.1 && 0.1 <= interval.high) held += 1;
      }
      assert.closeTo(held / trials, 0.95, 0.03, method);
    }
  });
});
