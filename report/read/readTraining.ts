/** The metrics that a training wrote beside its model. */
import { Option, Schema } from "effect";
import path from "node:path";
import { readLines } from "../../kinds/jsonLines.ts";
import { metricsFile } from "../../kinds/Model.ts";
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
