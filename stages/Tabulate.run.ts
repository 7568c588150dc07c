/** Reads the metrics of each point and writes them as one table. */
import { Effect } from "effect";
import { type Measurements, writeMeasurements } from "../kinds/MeasurementsFile.ts";
import { type Metrics, readMetrics } from "../kinds/ResultMetrics.ts";
import { studentMean } from "../stats/studentT.ts";
import { defaultPool, poolingOf } from "./pooling.ts";
import { type FanInElement, fanIn, stageRun } from "./StageRun.ts";
import { Tabulate } from "./Tabulate.ts";

interface Point {
  readonly labels: FanInElement["labels"];
  readonly values: Metrics;
}

export const tabulateRun = stageRun(
  Tabulate,
  Effect.fnUntraced(function* ({ params, inputs, output }) {
    const made = yield* Effect.sync(() =>
      tabulate(
        fanIn(inputs, "results").map(({ labels, directory }) => ({
          labels,
          values: readMetrics(directory),
        })),
        params.pool ?? defaultPool,
      ),
    );
    writeMeasurements(output, made);
    return { summary: { points: made.rows.length, metrics: made.metrics.length } };
  }),
);

const tabulate = (points: ReadonlyArray<Point>, pool: ReadonlyArray<string>): Measurements => {
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
  group: ReadonlyArray<Point>,
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
