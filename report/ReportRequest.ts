/** The request for a report, in plain values: the module that makes it shares nothing with its caller. */
import type { RunPlan } from "../pipelines/history/RunPlan.ts";

/** Runs of the store in `home`; `now`, in milliseconds, decides only how long a running run has run. */
export interface ReportRequest {
  readonly home: string;
  readonly plans: ReadonlyArray<RunPlan>;
  readonly now: number;
  /** Whether the page follows its run from the address that serves it. */
  readonly isLive?: boolean;
}
