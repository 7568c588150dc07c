/** Reads the metrics of each point and writes them as one table. */
import { Effect } from "effect";
import { writeMeasurements } from "../kinds/MeasurementsFile.ts";
import { readMetrics } from "../kinds/ResultMetrics.ts";
import { measurementsOf } from "./measurementsOf.ts";
import { defaultPool } from "./pooling.ts";
import { fanIn, stageRun } from "./StageRun.ts";
import { Tabulate } from "./Tabulate.ts";

export const tabulateRun = stageRun(
  Tabulate,
  Effect.fnUntraced(function* ({ params, inputs, output }) {
    const made = yield* Effect.sync(() =>
      measurementsOf(
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
