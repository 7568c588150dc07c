/** Kind `predictions`: a model's responses to a split, in one mode or one mode after the other. `trainers/generate.py` writes them. */
import { Schema } from "effect";
import path from "node:path";
import { NotNegative } from "../schemas/numbers.ts";
import { Mode } from "../schemas/Mode.ts";
import { readLines } from "./jsonLines.ts";
import type { Kind } from "./Kind.ts";

export const predictionsFile = "predictions.jsonl";

/** A line of `predictions.jsonl`. */
export const Prediction = Schema.Struct({
  id: Schema.String,
  mode: Mode,
  response: Schema.String,
  /** Tokens of the response, a forced caption included. */
  tokens: NotNegative,
  /** Cut off by the bound on its tokens; absent where it ended by itself. */
  truncated: Schema.optionalKey(Schema.Literal(true)),
});
export interface Prediction extends Schema.Schema.Type<typeof Prediction> {}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Prediction));

/** Throws on other lines. */
export const readPredictions = (directory: string): ReadonlyArray<Prediction> =>
  readLines(path.join(directory, predictionsFile)).map((line) => decode(line));

export const predictions: Kind = {
  name: "predictions",
  lines: { [predictionsFile]: Prediction },
  hasMoreFields: true,
  need: () => "claims",
};
