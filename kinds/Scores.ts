/** Kind `scores`: the scorer's verdict on each example in each mode. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { NotNegative } from "../schemas/numbers.ts";
import { Mode } from "../schemas/Mode.ts";
import { jsonLines, readLines } from "./jsonLines.ts";
import type { Kind } from "./Kind.ts";

export const scoresFile = "scores.jsonl";

/** Elements (edges, given digits) of a caption that p* lacks, that it lacks, and that it has otherwise. */
export const CaptionErrors = Schema.Struct({
  extra: NotNegative,
  missing: NotNegative,
  wrong: NotNegative,
});

/** A line of `scores.jsonl`. */
export const ScoreLine = Schema.Struct({
  id: Schema.String,
  mode: Mode,
  outcome: Schema.Boolean,
  perception: Schema.Boolean,
  perception_f1: Schema.Finite,
  consistent: Schema.Boolean,
  reason: Schema.NullOr(Schema.String),
  /** Equal for pictures of the same instance, however drawn; absent in lines from before version 3 of `score`. */
  instance: Schema.optionalKey(Schema.String),
  /** How the caption differs from p*; null for an unreadable one, absent for forced ones and in older lines. */
  errors: Schema.optionalKey(Schema.NullOr(CaptionErrors)),
});
export interface ScoreLine extends Schema.Schema.Type<typeof ScoreLine> {}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(ScoreLine));

/** Throws on other lines. */
export const readScores = (directory: string): ReadonlyArray<ScoreLine> =>
  readLines(path.join(directory, scoresFile)).map((line) => decode(line));

export const writeScores = (directory: string, scores: ReadonlyArray<ScoreLine>): void =>
  fs.writeFileSync(path.join(directory, scoresFile), jsonLines(scores));

export const scores: Kind = {
  name: "scores",
  lines: { [scoresFile]: ScoreLine },
  need: () => "claims",
};
