/**
 * The files of a page that its numbers follow from, as JSON Lines that are packed. Who only wants to check the numbers needs
 * these, `NODE.json`, and no program of ours.
 *
 * - `NODE.scores.jsonl.gz`: for each point and example of a table, whether a, a_p and a_r were right.
 * - `NODE.rollouts.jsonl.gz`: for each response that correlations are of, every part of its reward. Responses of a group that
 *   are alike in all of it are one line, and `times` says how many they are.
 * - `STAGE.curves.jsonl.gz`: the metrics of each training, step by step.
 */
import { Schema } from "effect";
import fs from "node:fs";
import zlib from "node:zlib";
import { Rollout } from "../../schemas/Rollout.ts";
import { ScoreLine } from "../../schemas/ScoreLine.ts";

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
});
export interface ExampleLine extends Schema.Schema.Type<typeof ExampleLine> {}

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

/** The same lines are the same bytes: Node writes no time into gzip's header. */
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
