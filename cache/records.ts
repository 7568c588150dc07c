/**
 * The record files of a store: actions, attempts without a result, and adoptions.
 *
 * Each is one line of JSON with the digest of its own record, so readers recognise and ignore a damaged file. Files are
 * written once and never changed.
 */
import { Schema } from "effect";
import { Action, TreeFile } from "../schemas/Artifact.ts";
import { digestBytes } from "../schemas/Digest.ts";

export const recordFormat = 1;

/** One execution of a node. */
export const Attempt = Schema.Struct({
  id: Schema.String,
  recipe: Schema.String,
  /** The stage's registered name, and its name in the experiment. */
  stage: Schema.String,
  stageName: Schema.String,
  node: Schema.String,
  run: Schema.String,
  status: Schema.Literals(["succeeded", "failed", "interrupted"]),
  startedAt: Schema.String,
  seconds: Schema.Finite,
});
export interface Attempt extends Schema.Schema.Type<typeof Attempt> {}

/**
 * `order` decides which of several answers is the newest. It is a time in milliseconds, or one more than the largest order
 * that the writer had seen if the clock was set back.
 */
const common = { format: Schema.Literal(recordFormat), order: Schema.Int };

/** `actions/<shard>/<content key>.json`: an action and the files of its artifact. */
export const ActionRecord = Schema.Struct({
  ...common,
  action: Action,
  files: Schema.Array(TreeFile),
  /** Absent if no run of this store made the artifact. */
  attempt: Schema.optionalKey(Attempt),
});
export interface ActionRecord extends Schema.Schema.Type<typeof ActionRecord> {}

/** `attempts/<name>.json`: attempts without a result, oldest first; their orders count up from the record's. */
export const AttemptsRecord = Schema.Struct({ ...common, attempts: Schema.Array(Attempt) });
export interface AttemptsRecord extends Schema.Schema.Type<typeof AttemptsRecord> {}

/** `adopted/<name>.json`: recipes with the artifact of another recipe. */
export const AdoptionRecord = Schema.Struct({
  ...common,
  adopted: Schema.Array(
    Schema.Struct({ recipe: Schema.String, content: Schema.String, artifact: Schema.String }),
  ),
});
export interface AdoptionRecord extends Schema.Schema.Type<typeof AdoptionRecord> {}

const beforeDigest = '{"sha256":"';
const beforeRecord = '","record":';
const recordStart = beforeDigest.length + 64 + beforeRecord.length;
const afterRecord = "}\n";

/** The text of a record's file. */
export const encodeRecord = (record: string): string =>
  `${beforeDigest}${digestBytes(record)}${beforeRecord}${record}${afterRecord}`;

/** The record in a file's text, not decoded by a schema; undefined if it is damaged. */
export const decodeRecord = (text: string): unknown => {
  const record = text.slice(recordStart, -afterRecord.length);
  if (encodeRecord(record) !== text) return undefined;
  const value = JSON.parse(record) as { readonly format?: unknown };
  return value.format === recordFormat ? value : undefined;
};
