/** The files of a `table`: the accuracies of an experiment, each with its n and its interval, as JSON and as CSV. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { csv } from "./csv.ts";

export const tableFile = "table.json";

/** The axis of buckets by difficulty, beside those of the experiment. */
export const difficultyAxis = "difficulty";

/** Format 1 has Wilson intervals, which take every answer as independent, and none of the optional fields. */
export const Proportion = Schema.Struct({
  successes: Schema.Int,
  n: Schema.Int,
  value: Schema.Finite,
  low: Schema.Finite,
  high: Schema.Finite,
  /** Distinct instances behind the n answers. */
  instances: Schema.optionalKey(Schema.Int),
  /** The standard deviation between the pooled points; null for one point. */
  sd: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
});

const Metric = Schema.NullOr(Proportion);

/** End-to-end answers whose caption has such an error: the answer is right all the same, or wrong. */
const CaptionError = Schema.Struct({ harmless: Schema.Int, fatal: Schema.Int });

/** Counts of end-to-end answers; a caption may have errors of several kinds. */
export const Errors = Schema.Struct({
  /** An edge or given digit that p* lacks. */
  extra: CaptionError,
  /** One of p* that the caption lacks. */
  missing: CaptionError,
  /** One in a place where p* has another. */
  wrong: CaptionError,
  /** Right captions with a wrong answer. */
  reasoning: Schema.Int,
  /** A caption or answer that is opened and never closed, or, since version 4 of `score`, the limit of tokens before the answer. */
  truncated: Schema.Int,
  /** No caption, no answer otherwise, or one that can't be read. */
  unreadable: Schema.Int,
});
export interface Errors extends Schema.Schema.Type<typeof Errors> {}

/** One line: a point, or the points that are pooled. */
export const TableRow = Schema.Struct({
  labels: Schema.Record(Schema.String, Schema.String),
  /** The number of points: 1, or as many as are pooled. */
  points: Schema.Int,
  a: Metric,
  a_p: Metric,
  a_r: Metric,
  /** `a` among right and among wrong captions: a = a_p · a_if_right + (1 − a_p) · a_if_wrong. */
  a_if_right: Schema.optionalKey(Metric),
  a_if_wrong: Schema.optionalKey(Metric),
  /** Mean over the end-to-end examples; null without any. */
  perception_f1: Schema.NullOr(Schema.Finite),
  /** Reason code → end-to-end examples that failed for it. */
  reasons: Schema.Record(Schema.String, Schema.Int),
  /** Null where a score line does not say how its caption differs. */
  errors: Schema.optionalKey(Schema.NullOr(Errors)),
});
export interface TableRow extends Schema.Schema.Type<typeof TableRow> {}

const MaybeNumber = Schema.NullOr(Schema.Finite);

/** An arm minus the baseline on the same pictures in the same runs; see `stats/contrast.ts`. */
export const TableContrast = Schema.Struct({
  axis: Schema.String,
  arm: Schema.String,
  baseline: Schema.String,
  metric: Schema.Literals(["a", "a_p", "a_r"]),
  /** Named beforehand as what the experiment asks; `p_holm` is over these alone. */
  primary: Schema.Boolean,
  /** Labels of the other axes that are not pooled. */
  labels: Schema.Record(Schema.String, Schema.String),
  n: Schema.Int,
  runs: Schema.Int,
  instances: Schema.Int,
  value: MaybeNumber,
  low: MaybeNumber,
  high: MaybeNumber,
  sd: MaybeNumber,
  p: MaybeNumber,
  p_holm: MaybeNumber,
  margin: Schema.NullOr(
    Schema.Struct({ value: Schema.Finite, not_worse: MaybeNumber, equivalent: MaybeNumber }),
  ),
  note: Schema.NullOr(Schema.String),
});
export interface TableContrast extends Schema.Schema.Type<typeof TableContrast> {}

export const Table = Schema.Struct({
  format: Schema.Literals([1, 2]),
  /** Descriptions of the models, in files written before version 2 of `summarize`; see `sampledModels`. */
  models: Schema.optionalKey(Schema.Array(Schema.String)),
  interval: Schema.Literals(["Wilson 95 %", "clustered Wilson 95 %"]),
  axes: Schema.Array(Schema.String),
  pooledOver: Schema.Array(Schema.String),
  rows: Schema.Array(TableRow),
  pooled: Schema.Array(TableRow),
  contrasts: Schema.optionalKey(Schema.Array(TableContrast)),
});
export interface Table extends Schema.Schema.Type<typeof Table> {}

/** Throws on other text. */
export const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));

/** Undefined where the file is gone, such as after `pipe gc`. */
export const readTable = (directory: string): Table | undefined => {
  const file = path.join(directory, tableFile);
  return fs.existsSync(file) ? decodeTable(fs.readFileSync(file, "utf8")) : undefined;
};

export const writeTable = (directory: string, table: Table): void => {
  fs.writeFileSync(path.join(directory, tableFile), `${JSON.stringify(table, null, 2)}\n`);
  fs.writeFileSync(path.join(directory, "table.csv"), tableCsv(table));
};

const metrics = ["a", "a_p", "a_r", "a_if_right", "a_if_wrong"] as const;
export const captionErrors = ["extra", "missing", "wrong"] as const;
export const otherErrors = ["reasoning", "truncated", "unreadable"] as const;

/** The columns of the CSV. */
const csvHeader = ({ axes }: Table): ReadonlyArray<string> => [
  ...axes,
  "points",
  ...metrics.flatMap((metric) =>
    ["", "_low", "_high", "_n", "_instances", "_sd"].map((suffix) => `${metric}${suffix}`),
  ),
  "perception_f1",
  ...captionErrors.flatMap((error) => [`${error}_harmless`, `${error}_fatal`]),
  ...otherErrors,
];

const csvLine = ({ axes }: Table, row: TableRow): ReadonlyArray<string | number> => [
  ...axes.map((axis) => row.labels[axis] ?? ""),
  row.points,
  ...metrics.flatMap((metric) => {
    const found = row[metric] ?? null;
    if (found === null) return ["", "", "", 0, "", ""];
    const { value, low, high, n, instances, sd } = found;
    return [value, low, high, n, instances ?? "", sd ?? ""];
  }),
  row.perception_f1 ?? "",
  ...captionErrors.flatMap((error) => [
    row.errors?.[error].harmless ?? "",
    row.errors?.[error].fatal ?? "",
  ]),
  ...otherErrors.map((error) => row.errors?.[error] ?? ""),
];

/** One line a row, points first, pooled rows last. */
export const tableCsv = (table: Table): string =>
  csv([csvHeader(table), ...[...table.rows, ...table.pooled].map((row) => csvLine(table, row))]);
