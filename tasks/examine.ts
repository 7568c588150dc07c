/** The facts that `score` writes about an answer besides its verdict. */
import { Result } from "effect";
import { readJson } from "./readJson.ts";
import type { CaptionErrors } from "./Task.ts";
import { taskNamed } from "./tasks.ts";
import { readBlocks } from "./transcript.ts";

export interface Examined {
  /** The text of `Task.identity`: equal for pictures of the same instance. */
  readonly identity: string;
  /** Null where there is no readable caption. */
  readonly errors: CaptionErrors | null;
}

/** For an answer that `scoreTranscript` could judge: other input throws. */
export const examine = (name: string, groundTruth: string, response: string): Examined => {
  const task = taskNamed(name);
  if (task === undefined) throw new Error(`there is no task ${name}`);
  const truth = Result.getOrThrowWith(
    task.readTruth(JSON.parse(groundTruth)),
    (problem) => new Error(problem),
  );
  const caption = Result.flatMap(Result.flatMap(readBlocks(response).caption, readJson), (json) =>
    task.readCaption(json, truth),
  );
  return {
    identity: task.identity(truth),
    errors: Result.isSuccess(caption) ? task.captionErrors(truth, caption.success) : null,
  };
};
