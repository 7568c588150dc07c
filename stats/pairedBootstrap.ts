/** The mean difference of two measurements of the same items, with a bootstrap interval over the items or their clusters. */
import type { BootstrapMethod } from "./bootstrapInterval.ts";
import { ClusterBootstrap } from "./ClusterBootstrap.ts";
import { type Interval, noInterval, type Statistic, valued, without } from "./Statistic.ts";

export interface PairedOptions {
  readonly seed: number;
  readonly resamples: number;
  readonly method: BootstrapMethod;
  /** Which cluster each item belongs to; by default each is its own. */
  readonly clusters?: ReadonlyArray<string | number>;
}

export interface PairedDifference {
  /** The mean of the first minus the mean of the second. */
  readonly difference: Statistic;
  readonly interval: Interval;
  readonly items: number;
  readonly clusters: number;
}

export const pairedBootstrap = (
  first: ReadonlyArray<number>,
  second: ReadonlyArray<number>,
  { seed, resamples, method, clusters }: PairedOptions,
): PairedDifference => {
  if (first.length !== second.length || (clusters ?? first).length !== first.length)
    throw new RangeError("items, their pairs and their clusters are not equally many");
  const sums = new Map<string | number, [items: number, difference: number]>();
  first.forEach((value, item) => {
    const cluster = clusters?.[item] ?? item;
    const [items, difference] = sums.get(cluster) ?? [0, 0];
    sums.set(cluster, [items + 1, difference + value - second[item]!]);
  });
  const counts = { items: first.length, clusters: sums.size };
  const undefinedFor = (reason: string) => ({
    difference: without(reason),
    interval: noInterval(reason),
    ...counts,
  });
  if (first.length === 0) return undefinedFor("there are no items");
  const rows = { width: 2, sums: Float64Array.from([...sums.values()].flat()) };
  const mean = (totals: Float64Array) => {
    const value = totals[1]! / totals[0]!;
    return Number.isFinite(value) ? value : "a value is not finite";
  };
  const bootstrap = new ClusterBootstrap(rows, [mean], seed);
  for (let drawn = 0; drawn < resamples; drawn += 1) bootstrap.draw();
  const difference = bootstrap.estimates()[0]!;
  if (typeof difference === "string") return undefinedFor(difference);
  return {
    difference: valued(difference),
    interval: bootstrap.intervals(method)[0]!,
    ...counts,
  };
};
