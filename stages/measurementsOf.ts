/** Measurements from the values of each point, with means over repetitions. */
import type { Measurements } from "../kinds/MeasurementsFile.ts";
import { studentMean } from "../stats/studentT.ts";
import { poolingOf } from "./pooling.ts";

export interface MeasuredPoint {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, number>>;
}

export const measurementsOf = (
  points: ReadonlyArray<MeasuredPoint>,
  pool: ReadonlyArray<string>,
): Measurements => {
  const { axes, pooledOver, groups } = poolingOf(points, pool);
  const metrics = [...new Set(points.flatMap(({ values }) => Object.keys(values)))];
  return {
    format: 1,
    axes,
    pooledOver,
    metrics,
    rows: points,
    pooled: groups.map((group) => ({
      labels: group.labels,
      values: repeatedOf(group.points, metrics),
    })),
  };
};

const repeatedOf = (
  group: ReadonlyArray<MeasuredPoint>,
  metrics: ReadonlyArray<string>,
): Measurements["pooled"][number]["values"] =>
  Object.fromEntries(
    metrics.flatMap((name) => {
      const { n, mean, sd, interval } = studentMean(
        group.flatMap(({ values }) => values[name] ?? []),
      );
      if (mean.value === null) return [];
      const { low, high } = interval;
      return [[name, { n, mean: mean.value, sd: sd.value, low, high }]];
    }),
  );
