/** Runs a stage's program as a job with the node's resources; problems become the stage's failure. */
import { Effect } from "effect";
import {
  type Job,
  type JobEnd,
  type JobError,
  runJob as runOnExecutor,
} from "../executors/Executor.ts";
import type { JobEvent } from "../schemas/Job.ts";
import { type StageContext, StageFailed, type StageReport } from "./StageRun.ts";

type Program = Pick<
  Job,
  "stage" | "command" | "cwd" | "environment" | "secrets" | "preload" | "timeout"
>;

export const runJob = Effect.fnUntraced(function* (
  context: StageContext<unknown>,
  program: Program,
) {
  const { attempt: id, work: directory, resources } = context;
  return yield* runOnExecutor({ ...program, ...resources, id, directory }, (event) =>
    context.report(reportOf(event)),
  ).pipe(Effect.mapError(failureOf));
});

/** The failure of a program; transient if the experiment declares its exit code so. */
export const failedJob = (
  { transientExitCodes }: StageContext<unknown>,
  end: JobEnd,
  sentences: { readonly message: string; readonly fix: string },
): StageFailed =>
  new StageFailed({
    ...sentences,
    ...(transientExitCodes.includes(end.exitCode) ? { transient: true } : {}),
  });

export const jobEndText = ({ exitCode, signal }: JobEnd): string =>
  signal === undefined ? `with exit code ${exitCode}` : `by ${signal}`;

const failureOf = ({ _tag, message, fix }: JobError): StageFailed =>
  new StageFailed({ message, fix, ...(_tag === "JobLost" ? { transient: true } : {}) });

const reportOf = (event: JobEvent): StageReport => {
  switch (event.event) {
    case "progress":
      return { _tag: "Progress", done: event.done, total: event.total, unit: event.unit };
    case "metrics":
      return { _tag: "Metrics", step: event.step, values: event.values };
    case "log":
      return { _tag: "Message", level: event.level, message: event.message };
  }
};
