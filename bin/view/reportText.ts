/** Progress, metrics and messages of a node, each as a line of its log. */
import type { NodeEvent, NodeState } from "../../pipelines/history/NodeState.ts";
import { printable, printableName } from "../../kinds/terminal.ts";
import { clockTime, compact } from "./format.ts";

/** Undefined for other events, and for the progress of a training, whose metrics name the step. */
export const reportText = (event: NodeEvent, before: NodeState): string | undefined => {
  const text = textOf(event, before);
  return text === undefined ? undefined : `${clockTime(event.at)}  ${text}`;
};

const textOf = (event: NodeEvent, { metrics }: NodeState): string | undefined => {
  switch (event._tag) {
    case "NodeMetrics":
      return [
        `step ${compact(event.step)}`,
        ...Object.entries(event.values).map(
          ([name, value]) => `${printableName(name)} ${compact(value)}`,
        ),
      ].join("  ");
    case "NodeProgress":
      return metrics === undefined
        ? `${compact(event.done)}/${compact(event.total)} ${printableName(event.unit)}`
        : undefined;
    case "NodeMessage":
      return `${event.level === "warn" ? "warning: " : ""}${printable(event.message)}`;
    default:
      return undefined;
  }
};
