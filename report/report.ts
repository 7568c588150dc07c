/**
 * Reports and figures of runs in a store, as texts or served. The build makes this module and what it imports a file of its own
 * (`rolldown.config.ts`), so it shares nothing with its caller: it takes and gives plain values, and rejects with the store's error.
 */
import { Effect } from "effect";
import { Store } from "../cache/Store.ts";
import { stages } from "../stages/stages.ts";
import type { Format } from "./files/formats.ts";
import { startUi, type Ui, type UiRequest } from "./live/startUi.ts";
import { figureFiles } from "./makeFigures.ts";
import { renderReport } from "./makeReport.ts";
import type { ReportData } from "./ReportData.ts";
import type { ReportRequest } from "./ReportRequest.ts";
import { readBundled } from "./read/readBundled.ts";
import { readReport } from "./read/readReport.ts";

const withData = <A>(
  { home, plans, now }: ReportRequest,
  make: (data: ReportData) => Promise<A>,
): Promise<A> =>
  readReport(plans, stages, now).pipe(
    Effect.provide(Store.layerReadOnly(home)),
    Effect.flatMap((data) => Effect.promise(() => make(data))),
    Effect.runPromise,
  );

export const makeReport = (asked: ReportRequest): Promise<string> =>
  withData(asked, (data) => renderReport(data, { isLive: asked.isLive ?? false }));

/** The page of a bundle in `directory`, its top folder: the same bytes for whoever makes it from the same files. */
export const makePreview = (directory: string): Promise<string> =>
  readBundled(directory).pipe(
    Effect.flatMap((data) =>
      Effect.promise(() => renderReport(data, { mostBytes: 2_000_000, packing: "json" })),
    ),
    Effect.runPromise,
  );

export const makeFigures = (asked: ReportRequest, formats: ReadonlyArray<Format>) =>
  withData(asked, (data) => figureFiles(data, formats));

export const serveReports = (asked: UiRequest): Promise<Ui> => startUi(asked, import.meta.url);
