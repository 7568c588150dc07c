/** The files of `measurements`: numbers of any meaning, point by point and over repetitions, as JSON and as CSV. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { csv } from "./csv.ts";

export const measurementsFile = "measurements.json";

const Labels = Schema.Record(Schema.String, Schema.String);
const MaybeNumber = Schema.NullOr(Schema.Finite);

/** A metric over repetitions. */
export const Repeated = Schema.Struct({
  n: Schema.Int,
  mean: Schema.Finite,
  /** The standard deviation of the values, with n − 1; null for one. */
  sd: MaybeNumber,
  /** Student's 95 % interval of the mean; null for one value and for equal values. */
  low: MaybeNumber,
  high: MaybeNumber,
});
export interface Repeated extends Schema.Schema.Type<typeof Repeated> {}

/** A point lacks the metrics that it did not give. */
export const Measurements = Schema.Struct({
  format: Schema.Literal(1),
  axes: Schema.Array(Schema.String),
  pooledOver: Schema.Array(Schema.String),
  /** In the order of the programs' files. */
  metrics: Schema.Array(Schema.String),
  rows: Schema.Array(
    Schema.Struct({ labels: Labels, values: Schema.Record(Schema.String, Schema.Finite) }),
  ),
  pooled: Schema.Array(
    Schema.Struct({ labels: Labels, values: Schema.Record(Schema.String, Repeated) }),
  ),
});
export interface Measurements extends Schema.Schema.Type<typeof Measurements> {}

/** Throws on other text. */
export const decodeMeasurements = Schema.decodeUnknownSync(Schema.fromJsonString(Measurements));

export const writeMeasurements = (directory: string, made: Measurements): void => {
  const write = (file: string, text: string) => fs.writeFileSync(path.join(directory, file), text);
  write(measurementsFile, `${JSON.stringify(made, null, 2)}\n`);
  write("measurements.csv", measurementsCsv(made));
};

/** The pooled rows, if several points are pooled in any. */
export const pooledRows = ({ pooled }: Measurements): Measurements["pooled"] =>
  pooled.some(({ values }) => Object.values(values).some(({ n }) => n > 1)) ? pooled : [];

/** One line a row, points first, pooled rows last; a single point has no spread. */
export const measurementsCsv = (made: Measurements): string => {
  const { axes, metrics, rows } = made;
  const labelsOf = (labels: typeof Labels.Type) => axes.map((axis) => labels[axis] ?? "");
  const header = metrics.flatMap((name) => [
    name,
    `${name}_n`,
    `${name}_sd`,
    `${name}_low`,
    `${name}_high`,
  ]);
  return csv([
    [...axes, ...header],
    ...rows.map(({ labels, values }) => [
      ...labelsOf(labels),
      ...metrics.flatMap((name) => {
        const value = values[name];
        return value === undefined ? ["", 0, "", "", ""] : [value, 1, "", "", ""];
      }),
    ]),
    ...pooledRows(made).map(({ labels, values }) => [
      ...labelsOf(labels),
      ...metrics.flatMap((name) => {
        const { n, mean, sd, low, high } = values[name] ?? noValues;
        return [mean ?? "", n, sd ?? "", low ?? "", high ?? ""];
      }),
    ]),
  ]);
};

const noValues = { n: 0, mean: null, sd: null, low: null, high: null };
