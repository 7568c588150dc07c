/** The bootstrap: resamples against a second implementation, their intervals against SciPy, and coverage. */
import { assert, describe, it } from "@effect/vitest";
import { type BootstrapMethod, bootstrapInterval } from "../../stats/bootstrapInterval.ts";
import { ClusterBootstrap, type SumStatistic } from "../../stats/ClusterBootstrap.ts";
import { correlationOf } from "../../stats/moments.ts";
import { normalDistribution } from "../../stats/normalDistribution.ts";
import { Random } from "../../stats/Random.ts";
import bootstraps from "./golden/bootstraps.json" with { type: "json" };
import normal from "./golden/normal.json" with { type: "json" };

type Numbers = ReadonlyArray<number>;

/** The sums of each cluster's rows. */
const columnsOf = (rows: ReadonlyArray<Numbers>, clusters: Numbers) => {
  const sums = new Map<number, Array<number>>();
  rows.forEach((row, index) => {
    const before = sums.get(clusters[index]!) ?? row.map(() => 0);
    sums.set(
      clusters[index]!,
      row.map((value, column) => before[column]! + value),
    );
  });
  const columns = (rows[0] ?? []).map((_, column) =>
    Float64Array.from(sums.values(), (row) => row[column]!),
  );
  return { count: sums.size, columns };
};

/** The correlation of pairs that belong to clusters. */
const correlation = (x: Numbers, y: Numbers, clusters: Numbers) => {
  const rows = x.map((first, index) => {
    const second = y[index]!;
    return [1, first, second, first * first, second * second, first * second];
  });
  const { count, columns } = columnsOf(rows, clusters);
  const value: SumStatistic["value"] = (sums, start) => {
    const [n, x, y, xx, yy, xy] = sums.subarray(start);
    return correlationOf({ n: n!, x: x!, y: y!, xx: xx!, yy: yy!, xy: xy! });
  };
  return { count, statistic: { columns, value } };
};

/** The mean difference of pairs that belong to clusters. */
const meanDifference = (x: Numbers, y: Numbers, clusters: Numbers) => {
  const rows = x.map((first, index) => [1, first - y[index]!]);
  const { count, columns } = columnsOf(rows, clusters);
  const value: SumStatistic["value"] = (sums, start) => sums[start + 1]! / sums[start]!;
  return { count, statistic: { columns, value } };
};

const bootstrapOf = (x: Numbers, y: Numbers, clusters: Numbers, seed: number, of = correlation) => {
  const { count, statistic } = of(x, y, clusters);
  return new ClusterBootstrap(count, [statistic], seed);
};

const intervalOf = (
  x: Numbers,
  y: Numbers,
  clusters: Numbers,
  { seed, resamples, method }: { seed: number; resamples: number; method: BootstrapMethod },
  of = correlation,
) => {
  const bootstrap = bootstrapOf(x, y, clusters, seed, of);
  for (let drawn = 0; drawn < resamples; drawn += 1) bootstrap.draw();
  return bootstrap.intervals(method)[0]!;
};

describe("the normal distribution", () => {
  for (const { x, p } of normal.cases)
    it(`at ${x} equals that of SciPy`, () => assert.closeTo(normalDistribution(x), p, 1e-15));
});

describe("the bootstrap", () => {
  for (const { name, statistic, x, y, clusters, seed, resamples, ...reference } of bootstraps.cases)
    for (const method of ["percentile", "bca"] as const)
      it(`of "${name}", ${statistic}, ${method}, equals that of SciPy from the same resamples`, () => {
        const options = { seed, resamples, method };
        const of = statistic === "pearson" ? correlation : meanDifference;
        const [estimate] = bootstrapOf(x, y, clusters, seed, of).estimates();
        assert.closeTo(Number(estimate), reference.estimate, 1e-9);
        const interval = intervalOf(x, y, clusters, options, of);
        assert.closeTo(interval.low ?? 9, reference[method][0]!, 1e-7);
        assert.closeTo(interval.high ?? 9, reference[method][1]!, 1e-7);
      });

  it("depends on the seed alone", () => {
    const random = Random.of("twice");
    const x = Array.from({ length: 30 }, () => random.normal());
    const y = x.map((value) => value + random.normal());
    const clusters = x.map((_, index) => index);
    const options = { seed: 1, resamples: 200, method: "bca" } as const;
    const once = intervalOf(x, y, clusters, options, meanDifference);
    assert.deepStrictEqual(intervalOf(x, y, clusters, options, meanDifference), once);
    assert.notDeepEqual(intervalOf(x, y, clusters, { ...options, seed: 2 }, meanDifference), once);
  });

  it("gives a reason instead of a number where it is undefined", () => {
    const options = { seed: 0, resamples: 100, method: "bca" } as const;
    const one = intervalOf([1], [0], [0], options, meanDifference);
    assert.match(one.reason ?? "", /two clusters/u);
    const same = intervalOf([1, 2, 3], [0, 1, 2], [0, 1, 2], options, meanDifference);
    assert.match(same.reason ?? "", /same in every resample/u);
    const few = intervalOf([0, 0, 0, 1], [0, 1, 0, 1], [0, 1, 2, 3], options);
    assert.match(few.reason ?? "", /undefined in \d+ of 100 resamples/u);
    const constant = intervalOf([1, 1, 1], [0, 1, 0], [0, 1, 2], options);
    assert.match(constant.reason ?? "", /first variable is constant/u);
  });

  it("has no interval where every resample exceeds the estimate", () => {
    const replicates = [1, 2, 3, 4, 5];
    const from = { estimate: 0, replicates, jackknife: [1, 2, 3] };
    assert.match(bootstrapInterval(from, "bca").reason ?? "", /one side/u);
    assert.strictEqual(bootstrapInterval(from, "percentile").low, 1.1);
    // The acceleration is at most a sixth, so this takes a large bias.
    const above = Array.from({ length: 1e5 }, (_, index) => index);
    const jackknife = [...Array<number>(1e4).fill(0), -1];
    const skewed = { estimate: 99_998, replicates: above, jackknife };
    assert.match(bootstrapInterval(skewed, "bca").reason ?? "", /skewness/u);
  });
});

describe("coverage", () => {
  /** Pairs from prompts of different difficulty, which the responses of a prompt share. */
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

  /** The coverage of each interval when resampling prompts or single responses. */
  const coverage = (prompts: number, unit: "prompt" | "response", trials: number) => {
    const random = Random.of("coverage", prompts);
    const held = { percentile: 0, bca: 0 };
    for (let trial = 0; trial < trials; trial += 1) {
      const { x, y, clusters } = simulate(random, prompts, 8);
      const units = unit === "prompt" ? clusters : x.map((_, index) => index);
      const bootstrap = bootstrapOf(x, y, units, trial);
      for (let drawn = 0; drawn < 300; drawn += 1) bootstrap.draw();
      for (const method of ["percentile", "bca"] as const) {
        const { low, high } = bootstrap.intervals(method)[0]!;
        if (low !== null && low <= truth && truth <= high) held[method] += 1;
      }
    }
    return { percentile: held.percentile / trials, bca: held.bca / trials };
  };

  // Three standard errors of a share of 0.95 in 400 trials are 0.033.
  it("over many clusters is near 95 %", () => {
    const { percentile, bca } = coverage(100, "prompt", 400);
    for (const share of [percentile, bca]) assert.closeTo(share, 0.95, 0.033);
  });

  it("over few clusters is lower than 95 %", () => {
    const { percentile, bca } = coverage(20, "prompt", 400);
    for (const share of [percentile, bca]) assert.closeTo(share, 0.92, 0.04);
  });

  it("over responses instead of prompts is far too low", () => {
    const { percentile, bca } = coverage(30, "response", 200);
    for (const share of [percentile, bca]) assert.isBelow(share, 0.85);
  });

  it("of a paired difference of 0/1 items is near 95 %", () => {
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
        const options = { seed: trial, resamples: 300, method };
        const interval = intervalOf(x, y, [...x.keys()], options, meanDifference);
        if (interval.low !== null && interval.low <= 0.1 && 0.1 <= interval.high) held += 1;
      }
      assert.closeTo(held / trials, 0.95, 0.03, method);
    }
  });
});
