import { Data, type Result, type Schema } from "effect";
import type { ImageParams } from "./draw/Image.ts";
import type { FailureReason } from "./FailureReason.ts";
import type { Random } from "../stats/Random.ts";

/** No instance fits the params, or a bounded number of draws found none. */
export class ImpossibleTask extends Data.TaggedError("ImpossibleTask")<{
  readonly message: string;
}> {}

/** A worked solution: lines of words separated by one blank, and the answer as compact JSON. */
export interface Solution {
  readonly reasoning: string;
  readonly answer: string;
}

/** Elements (edges, given digits) of a caption that differ from p*. */
export interface CaptionErrors {
  /** Elements that p* lacks. */
  readonly extra: number;
  /** Elements of p* that the caption lacks. */
  readonly missing: number;
  /** Elements in a place where p* has another one. */
  readonly wrong: number;
}

/** A contradiction between params; `path` starts at the task's params. */
export interface ParamIssue {
  readonly path: ReadonlyArray<string | number>;
  readonly message: string;
  readonly expected: string;
}

/**
 * A kind of puzzle that is read from a picture and then solved. `Truth` is an instance, and therefore also the type of a
 * caption's content. All functions are pure; `random` is the only source of chance.
 *
 * To add a task, copy the folder `sudoku/` and register it in `tasks.ts`.
 */
export interface Task<Params extends { readonly kind: string }, Truth, Answer> {
  readonly name: Params["kind"];
  readonly params: Schema.Codec<Params, unknown>;

  /** Contradictions between params, found before anything runs. */
  check(params: Params): ReadonlyArray<ParamIssue>;
  /** An upper bound on the number of distinct instances. */
  maxInstances(params: Params): number;
  /** Whether `draw` places the same instance differently each time, even without jitter, rotation and noise. */
  hasRandomLayout(params: Params): boolean;

  /** A random instance. Throws `ImpossibleTask`. */
  generate(params: Params, random: Random): Truth;
  /** A text that is equal exactly for equal instances; it decides which split an instance may be in. */
  identity(truth: Truth): string;
  /** A count that grows with the work of an instance: of edges, of blanks. */
  difficulty(truth: Truth): number;
  /** A PNG of `image.size` by `image.size` pixels; equal arguments give equal bytes. */
  draw(truth: Truth, params: Params, image: ImageParams, random: Random): Buffer;
  prompt(truth: Truth): string;
  /** p*: the perfect caption, compact JSON. */
  perception(truth: Truth): string;
  /** The instance as data sets store it, JSON. */
  groundTruth(truth: Truth): string;
  /** Reads a stored instance; fails with a sentence. */
  readTruth(value: unknown): Result.Result<Truth, string>;
  /** Solves any valid instance. */
  solve(truth: Truth): Solution;
  /** A solution in sentences with random synonyms, order and filler, which no model can learn to a loss of 0. */
  narrate(truth: Truth, random: Random): Solution;

  /** Reads a caption's parsed JSON, for an instance of the size of `truth`. */
  readCaption(json: unknown, truth: Truth): Result.Result<Truth, FailureReason>;
  /** Reads an answer's parsed JSON, for an instance of the size of `truth`. */
  readAnswer(json: unknown, truth: Truth): Result.Result<Answer, FailureReason>;
  /** F1 in 0..1 of the caption's elements against the instance's; 1 exactly when the caption equals p*. */
  perceptionF1(truth: Truth, caption: Truth): number;
  /** How the caption differs from p*, element by element. */
  captionErrors(truth: Truth, caption: Truth): CaptionErrors;
  /** The reason why the answer does not solve the instance, or null when it does. */
  judge(truth: Truth, answer: Answer): FailureReason | null;
}
