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
import { type Distinct, distinctColumns } from "./distinctColumns.ts";
import { type Interval, noInterval } from "./Statistic.ts";

/** Rows of equal width, one a cluster, end to end. */
export interface Clusters {
  readonly width: number;
  readonly sums: Float64Array;
}

/** A statistic of a total of rows, or why it is undefined there. */
export type OfTotals = (totals: Float64Array) => number | string;

export class ClusterBootstrap {
  readonly count: number;
  readonly #clusters: Distinct;
  readonly #statistics: ReadonlyArray<OfTotals>;
  readonly #index: () => number;
  /** How often each cluster is in the present resample. */
  readonly #drawn: Int32Array;
  readonly #replicates: ReadonlyArray<Array<number | null>>;

  constructor({ width, sums }: Clusters, statistics: ReadonlyArray<OfTotals>, seed: number) {
    this.count = sums.length / width;
    this.#clusters = distinctColumns(width, sums);
    this.#statistics = statistics;
    this.#index = indexBelow(Random.of(seed, "bootstrap"), this.count);
    this.#drawn = new Int32Array(this.count);
    this.#replicates = statistics.map(() => []);
  }

  /** The statistics of the clusters as they are. */
  estimates(): ReadonlyArray<number | string> {
    return this.#ask(this.#total(this.#drawn.fill(1)));
  }

  /** One resample: as many clusters as there are, drawn with replacement. */
  draw(): void {
    const drawn = this.#drawn.fill(0);
    const index = this.#index;
    for (let draw = 0; draw < drawn.length; draw += 1) drawn[index()]! += 1;
    this.#ask(this.#total(drawn)).forEach((value, which) => {
      this.#replicates[which]?.push(typeof value === "number" ? value : null);
    });
  }

  /** A statistic in every resample drawn so far, in their order; null where it is undefined. */
  replicatesOf(which: number): ReadonlyArray<number | null> {
    return this.#replicates[which] ?? [];
  }

  /** The 95 % interval of each statistic from the resamples drawn so far. */
  intervals(method: BootstrapMethod): ReadonlyArray<Interval> {
    const jackknife = method === "bca" ? this.#jackknife() : [];
    return this.estimates().map((estimate, which) => {
      if (typeof estimate === "string") return noInterval(estimate);
      if (this.count < 2) return noInterval("an interval needs two clusters");
      const replicates = this.replicatesOf(which);
      return bootstrapInterval({ estimate, replicates, jackknife: jackknife[which] ?? [] }, method);
    });
  }

  /** Each statistic without each cluster in turn, where it is defined. */
  #jackknife(): ReadonlyArray<ReadonlyArray<number>> {
    const { width, sums } = this.#clusters;
    const values = this.#statistics.map((): Array<number> => []);
    const all = this.#total(this.#drawn.fill(1));
    for (let start = 0; start < sums.length; start += width) {
      const others = all.map((total, place) => total - sums[start + place]!);
      this.#ask(others).forEach((value, which) => {
        if (typeof value === "number") values[which]?.push(value);
      });
    }
    return values;
  }

  /** The rows' sum, each as often as it was drawn. */
  #total(drawn: Int32Array): Float64Array {
    const { width, sums } = this.#clusters;
    const totals = new Float64Array(width);
    for (let cluster = 0, start = 0; cluster < drawn.length; cluster += 1, start += width) {
      const times = drawn[cluster]!;
      if (times === 0) continue;
      for (let place = 0; place < width; place += 1)
        totals[place] = totals[place]! + times * sums[start + place]!;
    }
    return totals;
  }

  /** The statistics of distinct totals. */
  #ask(totals: Float64Array): ReadonlyArray<number | string> {
    const { places } = this.#clusters;
    const columns = new Float64Array(places.length);
    for (let column = 0; column < columns.length; column += 1)
      columns[column] = totals[places[column]!]!;
    return this.#statistics.map((statistic) => statistic(columns));
  }
}

/** Of 31 bits, so that all is arithmetic of small integers. */
const range = 2 ** 31;

/** Draws integers in 0 … count − 1, each equally likely: those numbers that would favour some are drawn again. */
const indexBelow = (random: Random, count: number): (() => number) => {
  const whole = range - (range % count);
  return () => {
    for (;;) {
      const bits = random.bits() >>> 1;
      if (bits < whole) return bits % count;
    }
  };
};
