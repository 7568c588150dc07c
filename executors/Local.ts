/** Runs jobs on this machine, under the supervisor. */
import { Duration, Effect, Layer } from "effect";
import { join } from "node:path";
import { decodeJobEvent } from "../schemas/Job.ts";
import { jobEnvironment } from "./environment.ts";
import {
  Executor,
  JobTimedOut,
  type Job,
  type JobEnd,
  type JobError,
  type OnJobEvent,
} from "./Executor.ts";
import { Supervisor, type SupervisorOptions } from "./Supervisor.ts";
import { whileFollowing } from "./whileFollowing.ts";

const layerNoDeps = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const supervisor = yield* Supervisor;
    const run = Effect.fn("Executor.run")((job: Job, onEvent: OnJobEvent) =>
      whileFollowing(
        join(job.directory, "events.jsonl"),
        (line) => onEvent(decodeJobEvent(line)),
        limited(job, supervisor.run(programOf(job))),
      ),
    );
    return Executor.of({ run });
  }),
);

export const Local = {
  layerNoDeps,
  layer: Layer.provide(layerNoDeps, Supervisor.layer),
  layerWith: (options: Partial<SupervisorOptions>) =>
    Layer.provide(layerNoDeps, Supervisor.layerWith(options)),
};

const programOf = (job: Job) => ({
  id: job.id,
  command: job.command,
  cwd: job.cwd,
  environment: jobEnvironment(job),
  log: join(job.directory, "log"),
});

/** Within the job's time limit, if it has one. */
const limited = <E extends JobError>(job: Job, running: Effect.Effect<JobEnd, E>) => {
  const { timeout } = job;
  if (timeout === undefined) return running;
  return Effect.timeoutOrElse(running, {
    duration: timeout,
    orElse: () =>
      new JobTimedOut({
        job: job.id,
        message: `stopped after ${Duration.format(timeout)}, its time limit`,
        fix: "raise its `timeout`, or see in the log what it was waiting for",
      }),
  });
};
