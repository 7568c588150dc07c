/** The activity of a running node: its bar, progress, metrics and time left. */
import type { NodeState } from "../../pipelines/history/NodeState.ts";
import { duration } from "../../schemas/quantity.ts";
import { compact } from "./format.ts";
import { printableName, width } from "../../kinds/terminal.ts";

export const bar = (share: number, cells: number): string => {
  const filled = Math.round(Math.max(0, Math.min(1, share)) * cells);
  return "█".repeat(filled) + "░".repeat(cells - filled);
};

/** The share of its work that is done; undefined where the node reports no progress. */
export const shareDone = ({ progress }: NodeState): number | undefined =>
  progress === undefined || progress.total === 0 ? undefined : progress.done / progress.total;

/** Seconds since the node's state began. */
export const elapsed = ({ since }: NodeState, now: number): number =>
  since === undefined ? 0 : Math.max(0, now - Date.parse(since)) / 1000;

/** Seconds left at the attempt's own pace; undefined until two reports of progress give one. */
export const secondsLeft = (
  { progress, firstProgress }: NodeState,
  now: number,
): number | undefined => {
  if (progress === undefined || firstProgress === undefined) return undefined;
  const done = progress.done - firstProgress.done;
  if (done <= 0) return undefined;
  const seconds = Math.max(0, now - Date.parse(firstProgress.at)) / 1000;
  return (seconds / done) * Math.max(0, progress.total - progress.done);
};

/** The facts about a running node, the most important first: a short line drops the last ones. */
const facts = (state: NodeState, now: number): ReadonlyArray<string> => {
  const { progress, metrics = {} } = state;
  const left = secondsLeft(state, now);
  const { loss, ...others } = metrics;
  const isValidation = ([name]: readonly [string, number]) => name.startsWith("val_");
  const entries = Object.entries(others);
  const metric = (name: string, value: number) => `${printableName(name)} ${compact(value)}`;
  return [
    ...(left === undefined ? [] : [`${duration(left)} left`]),
    ...(loss === undefined ? [] : [metric("loss", loss)]),
    ...(progress === undefined
      ? []
      : [`${compact(progress.done)}/${compact(progress.total)} ${printableName(progress.unit)}`]),
    ...[...entries.filter(isValidation), ...entries.filter((entry) => !isValidation(entry))].map(
      ([name, value]) => metric(name, value),
    ),
  ];
};

/** The facts about an active node in at most `cells` cells. */
export const activityText = (state: NodeState, now: number, cells = Infinity): string => {
  if (state.state === "waiting") return `waiting for ${printableName(state.owner ?? "")}`;
  if (state.state === "retrying") return `retrying in ${duration(state.seconds ?? 0)}`;
  const all = facts(state, now);
  if (all.length === 0) return printableName(state.message ?? "");
  return firstFacts(all, cells) || (all[0] ?? "");
};

/** As many of the first facts as fit into `cells` cells. */
export const firstFacts = (all: ReadonlyArray<string>, cells: number): string => {
  let text = "";
  for (const fact of all) {
    const longer = text === "" ? fact : `${text}  ${fact}`;
    if (width(longer) > cells) break;
    text = longer;
  }
  return text;
};
