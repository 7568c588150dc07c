import { Result } from "effect";
import type { Random } from "../stats/Random.ts";
import type { FailureReason } from "./FailureReason.ts";
import type { Task } from "./Task.ts";

/** The text of a caption, with its tags: the assistant's prefix in counterfactual mode. */
export const captionText = (perception: string) => `<caption>${perception}</caption>`;

/** A transcript: caption, reasoning, answer. With `random` the reasoning is wordy, without it terse. */
export const respond = <P extends { readonly kind: string }, T, A>(
  task: Task<P, T, A>,
  truth: T,
  random?: Random,
  perception = task.perception(truth),
): string => {
  const { reasoning, answer } = random ? task.narrate(truth, random) : task.solve(truth);
  return `${captionText(perception)}\n${reasoning}\n<answer>${answer}</answer>`;
};

export interface Blocks {
  readonly caption: Result.Result<string, FailureReason>;
  readonly answer: Result.Result<string, FailureReason>;
}

/**
 * The caption and the answer of a response, without their tags. The first caption counts, as the rest depends on it,
 * and the last answer after it, as a model may correct itself. A block ends at its closing tag and begins at the last opening
 * tag before that, so mentions of the tags do no harm. Takes time linear in the response.
 */
export const readBlocks = (response: string): Blocks => {
  const opened = response.indexOf("<caption>");
  const closed = opened < 0 ? -1 : response.indexOf("</caption>", opened);
  if (closed < 0) {
    return {
      caption: Result.fail(opened < 0 ? "no-caption" : "truncated"),
      answer: lastAnswer(response),
    };
  }
  const from = response.lastIndexOf("<caption>", closed) + "<caption>".length;
  return {
    caption: Result.succeed(response.slice(from, closed)),
    answer: lastAnswer(response.slice(closed + "</caption>".length)),
  };
};

const lastAnswer = (text: string): Result.Result<string, FailureReason> => {
  const closed = text.lastIndexOf("</answer>");
  const opened = closed < 0 ? -1 : text.lastIndexOf("<answer>", closed);
  if (opened < 0) return Result.fail(text.includes("<answer>") ? "truncated" : "no-answer");
  return Result.succeed(text.slice(opened + "<answer>".length, closed));
};
