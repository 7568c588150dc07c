/**
 * Reports and figures of runs in a store. The build makes this module and what it imports a file of its own
 * (`rolldown.config.ts`), so it shares nothing with its caller: it takes and gives plain values, and rejects with the store's error.
 */
import { Effect } from "effect";
import { Store } from "../cache/Store.ts";
import type { RunPlan } from "../pipelines/history/RunPlan.ts";
import { stages } from "../stages/stages.ts";
import type { Format } from "./files/formats.ts";
import { figureFiles } from "./makeFigures.ts";
import { renderReport } from "./makeReport.ts";
import type { ReportData } from "./ReportData.ts";
import { readReport } from "./read/readReport.ts";

/** Runs of the store in `home`; `now`, in milliseconds, decides only how long a running run has run. */
export interface ReportRequest {
  readonly home: string;
  readonly plans: ReadonlyArray<RunPlan>;
  readonly now: number;
}

const withData = <A>(
  { home, plans, now }: ReportRequest,
  make: (data: ReportData) => Promise<A>,
): Promise<A> =>
  readReport(plans, stages, now).pipe(
    Effect.provide(Store.layerReadOnly(home)),
    Effect.flatMap((data) => Effect.promise(() => make(data))),
    Effect.runPromise,
  );

export const makeReport = (asked: ReportRequest): Promise<string> => withData(asked, renderReport);

export const makeFigures = (asked: ReportRequest, formats: ReadonlyArray<Format>) =>
  withData(asked, (data) => figureFiles(data, formats));
