/**
 * Kind `rollouts`: responses sampled from a policy, each with its verdict and its rewards. A model trained by reinforcement
 * learning has the rollouts of its training in the same file.
 */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { Mode } from "../schemas/Mode.ts";
import type { Kind } from "./Kind.ts";
import { ScoreLine } from "./Scores.ts";
import { NotNegative } from "../schemas/numbers.ts";

/** An artifact has one of these files. */
export const rolloutsFiles: ReadonlyArray<string> = ["rollouts.jsonl", "rollouts.jsonl.gz"];

export const rolloutsFileIn = (directory: string): string | undefined =>
  rolloutsFiles.find((name) => fs.existsSync(path.join(directory, name)));

/** A line: one response, in the order of (step, group, sample). */
export const Rollout = Schema.Struct({
  /** The prompt, in every step and both modes. */
  id: Schema.String,
  /** The group within its step, from 0. GRPO compares rollouts of the same `step` and `group`. */
  group: NotNegative,
  /** The training step, from 1; 0 without training. */
  step: NotNegative,
  /** The response within its group, from 0. */
  sample: NotNegative,
  mode: Mode,
  response: Schema.String,
  /** Tokens that the policy made, without the prompt and a forced caption. */
  tokens: NotNegative,
  /** False where the response was cut off at the longest length. */
  finished: Schema.optionalKey(Schema.Boolean),
  outcome: ScoreLine.fields.outcome,
  /** The caption is p*; a forced one always is. */
  perception: ScoreLine.fields.perception,
  perception_f1: ScoreLine.fields.perception_f1,
  /** The answer solves the instance that the caption describes. */
  consistent: ScoreLine.fields.consistent,
  reason: ScoreLine.fields.reason,
  /**
   * Unweighted, by name: `outcome`, `perception` and the surrogates, such as `teacher`, `blind_solve`, `consensus` and the
   * same with `_f1`, or `likelihood`. `total` is the reward of the training, absent without one. A part that was not computed is absent,
   * never 0.
   */
  rewards: Schema.Record(Schema.String, Schema.Finite),
  /** The weight in the loss; null without training. */
  advantage: Schema.NullOr(Schema.Finite),
  /** With span credit, the weight of the caption's tokens; `advantage` is that of the others. */
  caption_advantage: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
});
export interface Rollout extends Schema.Schema.Type<typeof Rollout> {}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Rollout));

export const rollouts: Kind = {
  name: "rollouts",
  lines: { "rollouts.jsonl": Rollout },
  hasMoreFields: true,
  need: () => "claims",
};

/** Calls `each` for every line, in memory that does not grow with their number; rejects with the name of a wrong line. */
export const eachRollout = async (
  directory: string,
  each: (rollout: Rollout) => void,
  signal: AbortSignal,
): Promise<void> => {
  const name = rolloutsFileIn(directory);
  if (name === undefined) throw new Error(`there is no ${rolloutsFiles.join(" and no ")}`);
  let number = 0;
  const line = (text: string): void => {
    number += 1;
    if (text === "") return;
    try {
      each(decode(text));
    } catch (cause) {
      throw new Error(`${name}:${number}: ${(cause as Error).message}`, { cause });
    }
  };
  const split = async (chunks: AsyncIterable<string>): Promise<void> => {
    let rest = "";
    for await (const chunk of chunks) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(line);
    }
    line(rest);
  };
  const file = fs.createReadStream(path.join(directory, name), { highWaterMark: 1 << 18, signal });
  if (name.endsWith(".gz")) await pipeline(file, zlib.createGunzip(), decodeText, split);
  else await pipeline(file, decodeText, split);
};

/** A character may span two chunks. */
const decodeText = async function* (chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
};
