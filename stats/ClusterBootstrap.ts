/**
 * The bootstrap over clusters: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979),
 * 1-26. It draws whole clusters, as the members of one (the rollouts of a prompt) are dependent: A. C. Davison and
 * D. V. Hinkley, "Bootstrap methods and their application" (1997), section 3.8.
 *
 * A statistic is a function of sums over clusters, so a resample costs one addition of rows however large the clusters are.
 * All statistics share each resample and can therefore be compared.
 *
 * Draws are integers from `Random` and sums follow the order of the clusters: a seed gives the same resamples on every
 * machine.
 */
import { type BootstrapMethod, bootstrapInterval } from "./bootstrapInterval.ts";
import { type DistinctColumns, distinctColumns } from "./distinctColumns.ts";
import { Random } from "./Random.ts";
import { type Interval, noInterval } from "./Statistic.ts";

/** A statistic of sums over clusters. */
export interface SumStatistic {
  /** The columns to add up, one value for each cluster. */
  readonly columns: ReadonlyArray<Float64Array>;
  /** The value given the columns' sums, which begin at `sums[start]`, or the reason why it is undefined. */
  readonly value: (sums: Float64Array, start: number) => number | string;
}

export class ClusterBootstrap {
  readonly clusters: number;
  private readonly statistics: ReadonlyArray<SumStatistic>;
  /** Where each statistic's sums begin in `sums`. */
  private readonly starts: ReadonlyArray<number>;
  private readonly sums: Float64Array;
  private readonly distinct: DistinctColumns;
  private readonly randomCluster: () => number;
  /** How often the current resample has each cluster. */
  private readonly multiplicities: Int32Array;
  private readonly replicates: ReadonlyArray<Array<number | null>>;

  constructor(clusters: number, statistics: ReadonlyArray<SumStatistic>, seed: number) {
    const columns = statistics.flatMap((statistic) => statistic.columns);
    let start = 0;
    this.starts = statistics.map(
      (statistic) => (start += statistic.columns.length) - statistic.columns.length,
    );
    this.clusters = clusters;
    this.statistics = statistics;
    this.sums = new Float64Array(columns.length);
    this.distinct = distinctColumns(clusters, columns);
    this.randomCluster = randomBelow(Random.of(seed, "bootstrap"), clusters);
    this.multiplicities = new Int32Array(clusters);
    this.replicates = statistics.map(() => []);
  }

  /** The statistics of the clusters themselves. */
  estimates(): ReadonlyArray<number | string> {
    return this.valuesOf(this.total(this.multiplicities.fill(1)));
  }

  /** Draws one resample: as many clusters as there are, with replacement. */
  draw(): void {
    const { randomCluster } = this;
    const multiplicities = this.multiplicities.fill(0);
    for (let draw = 0; draw < multiplicities.length; draw += 1)
      multiplicities[randomCluster()]! += 1;
    this.valuesOf(this.total(multiplicities)).forEach((value, which) => {
      this.replicates[which]?.push(typeof value === "number" ? value : null);
    });
  }

  /** A statistic in every resample so far, in order; null where it is undefined. */
  replicatesOf(which: number): ReadonlyArray<number | null> {
    return this.replicates[which] ?? [];
  }

  /** The 95 % interval of each statistic from the resamples so far. */
  intervals(method: BootstrapMethod): ReadonlyArray<Interval> {
    const jackknife = method === "bca" ? this.jackknife() : [];
    return this.estimates().map((estimate, which) => {
      if (typeof estimate === "string") return noInterval(estimate);
      if (this.clusters < 2) return noInterval("an interval needs two clusters");
      const replicates = this.replicatesOf(which);
      return bootstrapInterval({ estimate, replicates, jackknife: jackknife[which] ?? [] }, method);
    });
  }

  /** Each statistic without each cluster in turn, where it is defined. */
  private jackknife(): ReadonlyArray<ReadonlyArray<number>> {
    const { width, rows } = this.distinct;
    const values = this.statistics.map((): Array<number> => []);
    const all = this.total(this.multiplicities.fill(1));
    for (let start = 0; start < rows.length; start += width) {
      const others = all.map((total, place) => total - rows[start + place]!);
      this.valuesOf(others).forEach((value, which) => {
        if (typeof value === "number") values[which]?.push(value);
      });
    }
    return values;
  }

  /** The sum of the rows, each times its cluster's multiplicity. */
  private total(multiplicities: Int32Array): Float64Array {
    const { width, rows } = this.distinct;
    const totals = new Float64Array(width);
    for (
      let cluster = 0, start = 0;
      cluster < multiplicities.length;
      cluster += 1, start += width
    ) {
      const times = multiplicities[cluster]!;
      if (times === 0) continue;
      for (let place = 0; place < width; place += 1)
        totals[place] = totals[place]! + times * rows[start + place]!;
    }
    return totals;
  }

  /** The statistics given the totals of the distinct columns. */
  private valuesOf(totals: Float64Array): ReadonlyArray<number | string> {
    const { places } = this.distinct;
    const { sums, starts } = this;
    for (let column = 0; column < sums.length; column += 1) sums[column] = totals[places[column]!]!;
    return this.statistics.map(({ value }, which) => value(sums, starts[which]!));
  }
}

/** 31 bits keep the arithmetic in small integers. */
const range = 2 ** 31;

/** Uniform integers in 0 … count − 1: numbers beyond the last multiple of `count` are drawn again. */
const randomBelow = (random: Random, count: number): (() => number) => {
  const whole = range - (range % count);
  return () => {
    for (;;) {
      const bits = random.bits() >>> 1;
      if (bits < whole) return bits % count;
    }
  };
};
