/** `table.json`: the numbers of an experiment, each with its n and its interval. */
import { Schema } from "effect";

export const Proportion = Schema.Struct({
  successes: Schema.Int,
  n: Schema.Int,
  value: Schema.Finite,
  low: Schema.Finite,
  high: Schema.Finite,
});

const Metric = Schema.NullOr(Proportion);

/** One line: a point, or the points that differ only in what is pooled. */
export const TableRow = Schema.Struct({
  labels: Schema.Record(Schema.String, Schema.String),
  /** How many points are in it: 1, or the number pooled. */
  points: Schema.Int,
  a: Metric,
  a_p: Metric,
  a_r: Metric,
  /** Mean over the end-to-end examples; null without any. */
  perception_f1: Schema.NullOr(Schema.Finite),
  /** Reason code → end-to-end examples that failed for it. */
  reasons: Schema.Record(Schema.String, Schema.Int),
});
export interface TableRow extends Schema.Schema.Type<typeof TableRow> {}

export const Table = Schema.Struct({
  format: Schema.Literal(1),
  /** Which models the numbers are of, in words; a micro model is always called one. */
  models: Schema.Array(Schema.String),
  interval: Schema.Literal("Wilson 95 %"),
  axes: Schema.Array(Schema.String),
  pooledOver: Schema.Array(Schema.String),
  rows: Schema.Array(TableRow),
  pooled: Schema.Array(TableRow),
});
export interface Table extends Schema.Schema.Type<typeof Table> {}
