/** Reads the rollouts of one element of a fan-in. */
import { Effect } from "effect";
import { eachRollout, type Rollout } from "../kinds/Rollouts.ts";
import type { WithSteps } from "./rolloutSteps.ts";
import { type FanInElement, StageFailed } from "./StageRun.ts";
import { labelsText } from "../schemas/labels.ts";

/** Calls `each` for every rollout of these steps; fails without an end-to-end one. */
export const readRollouts = Effect.fnUntraced(function* (
  { labels, directory }: FanInElement,
  { steps }: WithSteps,
  each: (rollout: Rollout) => void,
) {
  let endToEnd = 0;
  yield* Effect.tryPromise({
    try: (signal) =>
      eachRollout(
        directory,
        (rollout) => {
          if (steps !== undefined && (rollout.step < steps.first || steps.last < rollout.step))
            return;
          if (rollout.mode === "end-to-end") endToEnd += 1;
          each(rollout);
        },
        signal,
      ),
    catch: (cause) =>
      new StageFailed({
        message: `${nameOf(labels)}${(cause as Error).message}`,
        fix: "check the program that wrote them against kinds/Rollouts.ts",
      }),
  });
  if (endToEnd > 0) return;
  const among = steps === undefined ? "" : ` of the steps ${steps.first} to ${steps.last}`;
  return yield* new StageFailed({
    message: `${nameOf(labels)}no end-to-end rollouts${among}`,
    fix: "sample end-to-end responses: nothing else is counted here",
  });
});

/** The element, as the prefix of a message. */
export const nameOf = (labels: FanInElement["labels"]): string => {
  const text = labelsText(labels);
  return text === "" ? "" : `${text}: `;
};
