import { Result } from "effect";
import type { FailureReason } from "./FailureReason.ts";
import { readJson } from "./readJson.ts";
import { isRecord } from "./readValue.ts";
import { type AnyTask, taskNamed, taskNames } from "./tasks.ts";
import { readBlocks } from "./transcript.ts";

export type Mode = "end-to-end" | "counterfactual";

export interface Verdict {
  /** The answer solves the true instance. */
  readonly outcome: boolean;
  /** The caption is p*. */
  readonly perception: boolean;
  /** F1 of the caption's edges or given digits; 0 when there is no readable caption. */
  readonly perception_f1: number;
  /** The answer solves the instance that the caption describes. */
  readonly consistent: boolean;
  /** Null when outcome and perception both hold, else the first failure in the order of `failureReasons`. */
  readonly reason: FailureReason | null;
}

export type Id = string | number;

export interface Score extends Verdict {
  readonly id: Id;
}

/** The result for a line that cannot be judged. */
export interface ScoreError {
  readonly id: Id | null;
  readonly error: string;
}

export const isScoreError = (scored: Score | ScoreError): scored is ScoreError => "error" in scored;

/**
 * Judges a response. In counterfactual mode a response without a caption continues the forced caption, which is p*.
 * `perceived` is the instance that p* describes: the truth, unless the input has a `perception`.
 */
const judgeResponse = (
  task: AnyTask,
  truth: unknown,
  perceived: unknown,
  response: string,
  mode: Mode,
): Verdict => {
  const blocks = readBlocks(response);
  const forced =
    mode === "counterfactual" &&
    Result.isFailure(blocks.caption) &&
    blocks.caption.failure === "no-caption";
  const caption = forced
    ? Result.succeed(perceived)
    : Result.flatMap(Result.flatMap(blocks.caption, readJson), (json) =>
        task.readCaption(json, truth),
      );
  const answer = Result.flatMap(Result.flatMap(blocks.answer, readJson), (json) =>
    task.readAnswer(json, truth),
  );
  const f1 = Result.isSuccess(caption) ? task.perceptionF1(perceived, caption.success) : 0;
  const failure = Result.isSuccess(answer) ? task.judge(truth, answer.success) : answer.failure;
  const verdict = {
    outcome: failure === null,
    perception: f1 === 1,
    perception_f1: f1,
    consistent:
      Result.isSuccess(caption) &&
      Result.isSuccess(answer) &&
      task.judge(caption.success, answer.success) === null,
  };
  const unread = Result.isFailure(caption) ? caption.failure : null;
  return { ...verdict, reason: unread ?? failure ?? (verdict.perception ? null : "misperceived") };
};

/**
 * Scores one transcript `{id, task, ground_truth, response, mode?, perception?}`. Read without a Schema, whose decoding would
 * take longer than judging; this runs for every rollout.
 */
export const scoreTranscript = (input: unknown): Score | ScoreError => {
  if (!isRecord(input)) return { id: null, error: "the line is not a JSON object" };
  const { id, task: name, ground_truth, response, perception } = input;
  const mode = input["mode"] ?? "end-to-end";
  if (typeof id !== "string" && typeof id !== "number")
    return { id: null, error: '"id" is not a string or a number' };
  const fail = (error: string): ScoreError => ({ id, error });
  const task = typeof name === "string" ? taskNamed(name) : undefined;
  if (task === undefined) return fail(`"task" is not one of ${taskNames.join(", ")}`);
  if (typeof response !== "string") return fail('"response" is not a string');
  if (mode !== "end-to-end" && mode !== "counterfactual")
    return fail('"mode" is not "end-to-end" or "counterfactual"');
  const truth = Result.flatMap(parsed(ground_truth), (value) => task.readTruth(value));
  if (Result.isFailure(truth)) return fail(`"ground_truth": ${truth.failure}`);
  const perceived =
    perception === undefined || perception === null
      ? truth
      : readPerception(task, perception, truth.success);
  if (Result.isFailure(perceived)) return fail(`"perception": ${perceived.failure}`);
  return { id, ...judgeResponse(task, truth.success, perceived.success, response, mode) };
};

/** Scores one line of JSON. */
export const scoreLine = (line: string): Score | ScoreError => {
  const input = parsed(line);
  return Result.isSuccess(input)
    ? scoreTranscript(input.success)
    : { id: null, error: "the line is not JSON" };
};

/** The value, parsed if it is a string of JSON. */
const parsed = (value: unknown): Result.Result<unknown, string> => {
  if (value === undefined) return Result.fail("it is missing");
  if (typeof value !== "string") return Result.succeed(value);
  try {
    return Result.succeed(JSON.parse(value) as unknown);
  } catch {
    return Result.fail("it is not JSON");
  }
};

const readPerception = (
  task: AnyTask,
  perception: unknown,
  truth: unknown,
): Result.Result<unknown, string> => {
  const read = Result.flatMap(parsed(perception), (json) => task.readCaption(json, truth));
  return Result.mapError(read, (failure) =>
    failure.startsWith("it is") ? failure : "it does not describe an instance of this size",
  );
};
