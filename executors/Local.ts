/** Runs jobs on this machine, under the supervisor. */
import { Duration, Effect, Latch, Layer } from "effect";
import { join } from "node:path";
import { decodeJobEvent } from "../schemas/Job.ts";
import { gpusToLease, jobEnvironment } from "./environment.ts";
import {
  Executor,
  JobTimedOut,
  type Job,
  type JobEnd,
  type JobError,
  type OnJobEvent,
} from "./Executor.ts";
import { Supervisor, type SupervisorOptions } from "./Supervisor.ts";
import type { News } from "./SupervisorConnection.ts";
import { whileFollowing } from "./whileFollowing.ts";

const layerNoDeps = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const supervisor = yield* Supervisor;
    const run = Effect.fn("Executor.run")((job: Job, onEvent: OnJobEvent) =>
      whileFollowing(
        join(job.directory, "events.jsonl"),
        (line) => onEvent(decodeJobEvent(line)),
        limited(job, (started) =>
          supervisor.run(programOf(job), (news) => hear(news, started, onEvent)),
        ),
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
  gpus: gpusToLease(job),
});

const hear = (news: News, started: Latch.Latch, onEvent: OnJobEvent): Effect.Effect<void> =>
  news.kind === "waiting"
    ? onEvent({ event: "log", level: "info", message: news.why })
    : Effect.asVoid(started.open);

/** Within the job's time limit, if it has one. It is the job's own: to wait for GPUs takes nothing of it. */
const limited = <E extends JobError>(
  job: Job,
  run: (started: Latch.Latch) => Effect.Effect<JobEnd, E>,
) =>
  Effect.suspend((): Effect.Effect<JobEnd, E | JobTimedOut> => {
    const started = Latch.makeUnsafe(gpusToLease(job) === 0);
    const { timeout } = job;
    if (timeout === undefined) return run(started);
    const timedOut = new JobTimedOut({
      job: job.id,
      message: `stopped after ${Duration.format(timeout)}, its time limit`,
      fix: "raise its `timeout`, or see in the log what it was waiting for",
    });
    const limit = started.await.pipe(
      Effect.andThen(Effect.sleep(timeout)),
      Effect.andThen(Effect.fail(timedOut)),
    );
    return Effect.raceFirst(run(started), limit);
  });
