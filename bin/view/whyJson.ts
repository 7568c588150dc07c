/** Explanations as JSON, with places as file, line and column. */
import { type Place, spanOf } from "../../pipelines/experiment/Source.ts";
import type { ActionOrigin } from "../../cache/History.ts";
import type { Because } from "../../pipelines/plan/Plan.ts";
import type { Cause } from "../../pipelines/plan/Cause.ts";
import { causeText } from "./causeText.ts";

export const placeJson = (place: Place) => {
  const { file, line, col, text } = spanOf(place);
  return { file, line, col, text };
};

export const causeJson = (cause: Cause) => ({
  node: cause.node.name,
  stage: cause.node.stageName,
  ...cause.reason,
  ...(cause.nearest === undefined ? {} : { nearest: cause.nearest }),
  at: placeJson(cause.at),
  text: causeText(cause),
});

export const becauseJson = (because: Because) =>
  because._tag === "Waits"
    ? { _tag: because._tag, for: because.for.map(({ name }) => name) }
    : because;

export const madeJson = ({ action, run, isAdopted }: ActionOrigin) => ({
  experiment: action.experiment,
  node: action.node,
  run: run ?? null,
  finishedAt: action.finishedAt,
  wallSeconds: action.cost.wallSeconds,
  found: isAdopted ? "content" : "recipe",
});
