/** Fetches files of the Hub for a stage, with its reports and failures. */
import { Effect } from "effect";
import { fetchSnapshot } from "../remote/fetchSnapshot.ts";
import type { HubSource } from "../remote/HubClient.ts";
import { hubSettings } from "../remote/hubSettings.ts";
import { retryWarnings } from "./retryWarnings.ts";
import { type StageContext, StageFailed } from "./StageRun.ts";

export const fetchFromHub = (
  context: StageContext<unknown>,
  source: HubSource,
  wanted: (path: string) => boolean,
) =>
  fetchSnapshot(hubSettings(process.env), source, wanted, {
    progress: (done, total) => context.report({ _tag: "Progress", done, total, unit: "files" }),
    failed: retryWarnings(context),
  }).pipe(
    Effect.catchTag("HubRefused", ({ message, fix }) =>
      Effect.fail(new StageFailed({ message, fix })),
    ),
  );
