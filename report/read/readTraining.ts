/** The metrics of trainings: those beside a model, and those that a training without a model has reported so far. */
import { Option, Schema } from "effect";
import path from "node:path";
import { readLines } from "../../kinds/jsonLines.ts";
import { metricsFile } from "../../kinds/Model.ts";
import type { Event } from "../../schemas/Event.ts";
import type { Training } from "../ReportData.ts";
import { orNothing } from "./orNothing.ts";

const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)),
);

/** None where the model has no metrics. Lines that can't be read, and values that are no finite numbers, are left out. */
export const readSteps = (directory: string): Training["steps"] =>
  (orNothing(() => readLines(path.join(directory, metricsFile))) ?? []).flatMap((line) => {
    const { step, ...rest } = Option.getOrElse(decode(line), () => ({}) as Record<string, unknown>);
    if (typeof step !== "number") return [];
    const values = Object.entries(rest).filter((entry): entry is [string, number] =>
      Number.isFinite(entry[1]),
    );
    return [{ step, values: Object.fromEntries(values) }];
  });

/** By node. A training that resumed reports some steps again: the last report of a step counts. */
export const reportedSteps = (
  events: ReadonlyArray<Event>,
): ReadonlyMap<string, Training["steps"]> => {
  const byNode = new Map<string, Map<number, Training["steps"][number]>>();
  for (const event of events) {
    if (event._tag !== "NodeMetrics") continue;
    const { node, step, values } = event;
    const steps = byNode.get(node) ?? new Map();
    byNode.set(node, steps.set(step, { step, values }));
  }
  return new Map(
    [...byNode].map(([node, steps]) => [
      node,
      [...steps.values()].toSorted((one, other) => one.step - other.step),
    ]),
  );
};
