/** Runs a stage's program as a job with the node's resources; what goes wrong is told as the stage's failure. */
import { Effect } from "effect";
import { Executor, type Job, type JobEnd, type JobError } from "../executors/Executor.ts";
import type { JobEvent } from "../schemas/Job.ts";
import { type StageContext, StageFailed, type StageReport } from "./Stage.ts";

type Program = Pick<Job, "command" | "cwd" | "environment" | "timeout">;

export const runJob = Effect.fnUntraced(function* (
  context: StageContext<unknown>,
  program: Program,
) {
  const executor = yield* Executor;
  const { cpus, gpus } = context.resources;
  const job: Job = { ...program, id: context.attempt, directory: context.work, cpus, gpus };
  return yield* executor
    .run(job, (event) => context.report(reportOf(event)))
    .pipe(Effect.mapError(failureOf));
});

/** A program that ended otherwise than it should: by an exit code that the experiment declares as transient, or not. */
export const failedJob = (
  { transientExitCodes }: StageContext<unknown>,
  end: JobEnd,
  sentences: { readonly message: string; readonly fix: string },
): StageFailed =>
  new StageFailed({
    ...sentences,
    ...(transientExitCodes.includes(end.exitCode) ? { transient: true } : {}),
  });

export const howItEnded = ({ exitCode, signal }: JobEnd): string =>
  signal === undefined ? `with exit code ${exitCode}` : `by ${signal}`;

const failureOf = ({ _tag, message, fix }: JobError): StageFailed =>
  new StageFailed({ message, fix, ...(_tag === "SupervisorLost" ? { transient: true } : {}) });

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
