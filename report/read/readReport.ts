/** Reads the runs of a report. */
import { Effect } from "effect";
import type { RunPlan } from "../../pipelines/history/RunPlan.ts";
import type { Stage } from "../../stages/Stage.ts";
import type { ReportData } from "../ReportData.ts";
import { readRun } from "./readRun.ts";

export const readReport = Effect.fnUntraced(function* (
  plans: ReadonlyArray<RunPlan>,
  registry: ReadonlyMap<string, Stage>,
  now: number,
) {
  const read = yield* Effect.forEach(plans, (plan) => readRun(plan, registry, now));
  const examples = read.flatMap((each) => each.examples);
  return {
    runs: read.map(({ data }) => data),
    examples: new Map(examples.map((example) => [example.key, example])),
  } satisfies ReportData;
});
