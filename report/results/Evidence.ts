/**
 * The evidence of a page, as compressed JSON Lines: with `NODE.json`, enough to check its numbers without `pipe`.
 *
 * - `NODE.scores.jsonl.gz`: for each point and example of a table, whether a, a_p and a_r were right.
 * - `NODE.instances.jsonl.gz`: the instance that each picture of a table shows; absent where it is not known, and then every
 *   picture counts as an instance of its own.
 * - `NODE.rollouts.jsonl.gz`: for each response behind correlations, every part of its reward. Equal responses of a group
 *   share a line, whose `times` counts them.
 * - `STAGE.curves.jsonl.gz`: the metrics of each training, step by step.
 */
import { Schema } from "effect";
import fs from "node:fs";
import zlib from "node:zlib";
import { Rollout } from "../../kinds/Rollouts.ts";
import { ScoreLine } from "../../kinds/Scores.ts";

const Labels = Schema.Record(Schema.String, Schema.String);
export type Labels = typeof Labels.Type;

const Right = Schema.Literals([0, 1]);

export const ExampleLine = Schema.Struct({
  labels: Labels,
  id: Schema.String,
  a: Right,
  a_p: Right,
  a_r: Right,
  f1: Schema.Finite,
  reason: ScoreLine.fields.reason,
  /** As in the score; absent in pages from before November 2026. */
  errors: ScoreLine.fields.errors,
});
export interface ExampleLine extends Schema.Schema.Type<typeof ExampleLine> {}

export const InstanceLine = Schema.Struct({ id: Schema.String, instance: Schema.String });
export interface InstanceLine extends Schema.Schema.Type<typeof InstanceLine> {}

export const RolloutLine = Schema.Struct({
  labels: Labels,
  id: Schema.String,
  group: Schema.Int,
  step: Schema.Int,
  mode: Rollout.fields.mode,
  outcome: Right,
  perception: Right,
  consistent: Right,
  rewards: Rollout.fields.rewards,
  times: Schema.Int,
});
export interface RolloutLine extends Schema.Schema.Type<typeof RolloutLine> {}

export const CurveLine = Schema.Struct({
  labels: Labels,
  step: Schema.Int,
  values: Schema.Record(Schema.String, Schema.Finite),
});
export interface CurveLine extends Schema.Schema.Type<typeof CurveLine> {}

/** Equal lines give equal bytes: Node writes no time into the gzip header. */
export const packLines = (lines: ReadonlyArray<object>): Buffer =>
  zlib.gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join(""), { level: 9 });

/** The lines of a file; undefined where there is none. */
export const readLines = <A, E>(
  file: string,
  schema: Schema.Codec<A, E>,
): ReadonlyArray<A> | undefined => {
  if (!fs.existsSync(file)) return undefined;
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(schema));
  const text = zlib.gunzipSync(fs.readFileSync(file)).toString();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => decode(line));
};
