/** Runs jobs on this machine, under the supervisor. */
import { Duration, Effect, Layer, Schedule } from "effect";
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
import { LineFollower } from "./LineFollower.ts";
import { Supervisor, type SupervisorOptions } from "./Supervisor.ts";

const POLL_EVENTS = Schedule.spaced("100 millis");

const layerNoDeps = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const supervisor = yield* Supervisor;
    const run = Effect.fn("Executor.run")((job: Job, onEvent: OnJobEvent) =>
      whileTelling(
        join(job.directory, "events.jsonl"),
        onEvent,
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

/** Tells the events as they come, and all that are left once the job is over, whichever way it ends. */
const whileTelling = <E>(path: string, onEvent: OnJobEvent, running: Effect.Effect<JobEnd, E>) =>
  Effect.suspend(() => {
    const follower = new LineFollower(path);
    const tell = (lines: ReadonlyArray<string>) =>
      Effect.forEach(lines, (line) => onEvent(decodeJobEvent(line)), { discard: true });
    // Uninterruptible: a line that has been read must be told.
    const tellNew = Effect.uninterruptible(
      Effect.gen(function* () {
        for (let lines = follower.read(); lines.length > 0; lines = follower.read())
          yield* tell(lines);
      }),
    );
    const tellRest = Effect.andThen(
      tellNew,
      Effect.suspend(() => tell(follower.rest())),
    );
    return Effect.forkScoped(Effect.repeat(tellNew, POLL_EVENTS)).pipe(
      Effect.andThen(running),
      Effect.scoped,
      Effect.ensuring(tellRest),
    );
  });
