/**
 * The bootstrap over clusters: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979),
 * 1-26; whole clusters are drawn, since what is in one (the rollouts of a prompt) is not independent: A. C. Davison and
 * D. V. Hinkley, "Bootstrap methods and their application" (1997), section 3.8.
 *
 * A cluster is a row of sums and a statistic is a function of the rows' total, so a resample costs one addition of rows
 * however large the clusters are. One resample serves all statistics, which so can be compared.
 *
 * Draws are integers from `Random`; the totals are sums in the order of the clusters: the same seed gives the same resamples
 * on every machine.
 */
import { Random } from "../tasks/Random.ts";
import { type BootstrapMethod, bootstrapInterval } from "./bootstrapInterval.ts";
import { type Interval, noInterval } from "./Statistic.ts";

/** Rows of equal width, one a cluster, end to end. */
export interface Clusters {
  readonly width: number;
  readonly sums: Float64Array;
}

/** A statistic of a total of rows, or why it is undefined there. */
export type OfTotals = (totals: Float64Array) => number | string;

/** Of the resamples so many may lack the statistic; where more do, what the others say is no longer its distribution. */
const undefinedShare = 0.05;

export class ClusterBootstrap {
  readonly count: number;
  readonly #clusters: Clusters;
  readonly #statistics: ReadonlyArray<OfTotals>;
  readonly #random: Random;
  readonly #drawn: Int32Array;
  readonly #totals: Float64Array;
  readonly #replicates: ReadonlyArray<Array<number>>;
  #resamples = 0;

  constructor(clusters: Clusters, statistics: ReadonlyArray<OfTotals>, seed: number) {
    this.#clusters = clusters;
    this.count = clusters.sums.length / clusters.width;
    this.#statistics = statistics;
    this.#random = Random.of(seed, "bootstrap");
    this.#drawn = new Int32Array(this.count);
    this.#totals = new Float64Array(clusters.width);
    this.#replicates = statistics.map(() => []);
  }

  /** The statistics of the clusters as they are. */
  estimates(): ReadonlyArray<number | string> {
    return this.#ofTotals(this.#drawn.fill(1));
  }

  /** One resample: as many clusters as there are, drawn with replacement. */
  draw(): void {
    this.#drawn.fill(0);
    for (let draw = 0; draw < this.count; draw += 1)
      this.#drawn[indexBelow(this.#random, this.count)]! += 1;
    this.#ofTotals(this.#drawn).forEach((value, which) => {
      if (typeof value === "number") this.#replicates[which]?.push(value);
    });
    this.#resamples += 1;
  }

  /** The 95 % interval of each statistic from the resamples drawn so far. */
  intervals(method: BootstrapMethod): ReadonlyArray<Interval> {
    const jackknife = method === "bca" ? this.#jackknife() : [];
    return this.estimates().map((estimate, which) => {
      const replicates = this.#replicates[which] ?? [];
      if (typeof estimate === "string") return noInterval(estimate);
      if (this.count < 2) return noInterval("an interval needs two clusters");
      const lacking = this.#resamples - replicates.length;
      if (lacking > undefinedShare * this.#resamples)
        return noInterval(`it is undefined in ${lacking} of ${this.#resamples} resamples`);
      const from = { estimate, replicates, jackknife: jackknife[which] ?? [] };
      return bootstrapInterval(from, method);
    });
  }

  /** Each statistic without each cluster in turn, where it is defined. */
  #jackknife(): ReadonlyArray<ReadonlyArray<number>> {
    const { width, sums } = this.#clusters;
    const values = this.#statistics.map((): Array<number> => []);
    this.#total(this.#drawn.fill(1));
    const all = Float64Array.from(this.#totals);
    for (let cluster = 0; cluster < this.count; cluster += 1) {
      for (let sum = 0; sum < width; sum += 1)
        this.#totals[sum] = all[sum]! - sums[cluster * width + sum]!;
      this.#statistics.forEach((statistic, which) => {
        const value = statistic(this.#totals);
        if (typeof value === "number") values[which]?.push(value);
      });
    }
    return values;
  }

  #ofTotals(drawn: Int32Array): ReadonlyArray<number | string> {
    this.#total(drawn);
    return this.#statistics.map((statistic) => statistic(this.#totals));
  }

  #total(drawn: Int32Array): void {
    const { width, sums } = this.#clusters;
    this.#totals.fill(0);
    for (let cluster = 0, start = 0; cluster < this.count; cluster += 1, start += width) {
      const times = drawn[cluster]!;
      if (times === 0) continue;
      for (let sum = 0; sum < width; sum += 1) this.#totals[sum]! += times * sums[start + sum]!;
    }
  }
}

/** An integer in 0 … count − 1, each equally likely: those random numbers that would favour some are drawn again. */
const indexBelow = (random: Random, count: number): number => {
  const whole = 2 ** 32 - (2 ** 32 % count);
  for (;;) {
    const bits = random.bits();
    if (bits < whole) return bits % count;
  }
};
