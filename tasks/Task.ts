import { Data, type Result, type Schema } from "effect";
import type { ImageParams } from "./draw/Image.ts";
import type { FailureReason } from "./FailureReason.ts";
import type { Random } from "./Random.ts";

/** No instance fits the parameters, or none was found in a bounded number of tries. */
export class ImpossibleTask extends Data.TaggedError("ImpossibleTask")<{
  readonly message: string;
}> {}

/** The written-out way to the answer: lines of words separated by one blank, and the answer as compact JSON. */
export interface Solution {
  readonly reasoning: string;
  readonly answer: string;
}

/**
 * One kind of puzzle that is seen in a picture and then solved. `Truth` is an instance: what there is to see, and so also
 * the type of what a caption says. Everything here is pure; `random` is the only source of chance.
 *
 * A new task is a folder that exports one of these and a line in `tasks.ts`; copy `sudoku/`.
 */
export interface Task<Params extends { readonly kind: string }, Truth, Answer> {
  readonly name: Params["kind"];
  readonly params: Schema.Codec<Params, unknown>;

  /** A random instance. Throws `ImpossibleTask`. */
  generate(params: Params, random: Random): Truth;
  /** The same text for the same instance and no other; splits are kept apart by it. */
  identity(truth: Truth): string;
  /** A PNG of `image.size` squared pixels, the same bytes for the same arguments. */
  draw(truth: Truth, params: Params, image: ImageParams, random: Random): Buffer;
  prompt(truth: Truth): string;
  /** p*: what a perfect caption says, compact JSON. */
  perception(truth: Truth): string;
  /** The instance as the data sets store it, JSON. */
  groundTruth(truth: Truth): string;
  /** A stored instance, as JSON or a string of JSON; fails with a sentence. */
  readTruth(value: unknown): Result.Result<Truth, string>;
  /** Solves any valid instance. */
  solve(truth: Truth): Solution;

  /** What a caption's parsed JSON says, for an instance of the size of `truth`. */
  readCaption(json: unknown, truth: Truth): Result.Result<Truth, FailureReason>;
  /** What an answer's parsed JSON says, for an instance of the size of `truth`. */
  readAnswer(json: unknown, truth: Truth): Result.Result<Answer, FailureReason>;
  /** F1 in 0..1 of the things seen against the things there are; 1 exactly when the caption equals p*. */
  perceptionF1(truth: Truth, caption: Truth): number;
  /** Why the answer does not solve the instance, or null when it does. */
  judge(truth: Truth, answer: Answer): FailureReason | null;
}
