import { Result } from "effect";
import type { FailureReason } from "./FailureReason.ts";
import type { Task } from "./Task.ts";

/** The text of a caption, with its tags: the assistant's prefix in counterfactual mode. */
export const captionText = (perception: string) => `<caption>${perception}</caption>`;

/** A whole transcript in the one text format: caption, reasoning, answer. */
export function respond<P extends { readonly kind: string }, T, A>(
  task: Task<P, T, A>,
  truth: T,
): string {
  const { reasoning, answer } = task.solve(truth);
  return `${captionText(task.perception(truth))}\n${reasoning}\n<answer>${answer}</answer>`;
}

export interface Blocks {
  readonly caption: Result.Result<string, FailureReason>;
  readonly answer: Result.Result<string, FailureReason>;
}

/**
 * The caption and the answer of a response, without their tags. The first caption counts, since everything after it
 * rests on it, and the last answer after it, since a model may correct itself. A block is closed by its tag and begins at the
 * last opening tag before that, so talk about the tags does no harm. Takes time linear in the response.
 */
export function readBlocks(response: string): Blocks {
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
}

function lastAnswer(text: string): Result.Result<string, FailureReason> {
  const closed = text.lastIndexOf("</answer>");
  const opened = closed < 0 ? -1 : text.lastIndexOf("<answer>", closed);
  if (opened < 0) return Result.fail(text.includes("<answer>") ? "truncated" : "no-answer");
  return Result.succeed(text.slice(opened + "<answer>".length, closed));
}
