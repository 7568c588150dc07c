/** Runs jobs on this machine, under the supervisor. */
import { Duration, Effect, Fiber, Latch, Layer, Queue } from "effect";
import path from "node:path";
import type { JobEvent } from "../schemas/Job.ts";
import { gpusToLease, jobEnvironment } from "./environment.ts";
import {
  Executor,
  JobTimedOut,
  type Job,
  type JobEnd,
  type JobError,
  type OnJobEvent,
  type PreparedJob,
} from "./Executor.ts";
import { followJob, type JobSources } from "./followJob.ts";
import { LineFollower } from "./LineFollower.ts";
import { machineCapacity } from "./machineCapacity.ts";
import { readSubmission, submittedElsewhere } from "./Submission.ts";
import { Supervisor, type SupervisorOptions } from "./Supervisor.ts";
import type { News } from "./Program.ts";

/** A job between `submit` and its end. */
interface RunningJob extends JobSources {
  readonly end: Fiber.Fiber<JobEnd, JobError>;
}

const layerNoDeps = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const supervisor = yield* Supervisor;
    const scope = yield* Effect.scope;
    const running = new Map<string, RunningJob>();
    const submit = Effect.fnUntraced(function* (job: Job) {
      const submission = readSubmission(job.directory);
      if (submission !== undefined) return yield* submittedElsewhere(job, submission);
      const follower = new LineFollower(path.join(job.directory, "events.jsonl"));
      const news = yield* Queue.unbounded<JobEvent>();
      const end = yield* limited(job, (started) =>
        supervisor.run(programOf(job), (said) => report(said, started, news)),
      ).pipe(Effect.forkIn(scope));
      running.set(job.id, { follower, news, end });
    });
    const attach = Effect.fn("Executor.attach")(function* (job: Job, onEvent: OnJobEvent) {
      const { end, ...sources } = running.get(job.id)!;
      return yield* followJob(sources, onEvent, Fiber.join(end)).pipe(
        Effect.ensuring(Effect.sync(() => running.delete(job.id))),
      );
    });
    const cancel = (job: Job) => {
      const end = running.get(job.id)?.end;
      return end === undefined ? Effect.void : Fiber.interrupt(end);
    };
    const prepare = ({ command, preload, ...job }: PreparedJob) =>
      supervisor.prepare({ command, preload, environment: jobEnvironment(job) });
    return Executor.of({
      submit,
      attach,
      cancel,
      prepare,
      isHere: () => true,
      machineOf: () => undefined,
      capacity: machineCapacity(true),
      isDetached: () => false,
    });
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
  log: path.join(job.directory, "log"),
  gpus: gpusToLease(job),
  preload: job.preload,
});

const report = (
  said: News,
  started: Latch.Latch,
  news: Queue.Queue<JobEvent>,
): Effect.Effect<unknown> => {
  switch (said.kind) {
    case "waiting":
      return Queue.offer(news, { event: "log", level: "info", message: said.why });
    case "cold": {
      const message = `packages could not be imported in advance, so each job imports them: ${said.why}`;
      return Queue.offer(news, { event: "log", level: "warn", message });
    }
    case "started":
      return started.open;
  }
};

/** Ends a run at the job's time limit, if it has one. Waiting for GPUs does not count. */
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
      fix: "raise its `timeout`, or look at the end of its log",
    });
    const limit = started.await.pipe(
      Effect.andThen(Effect.sleep(timeout)),
      Effect.andThen(Effect.fail(timedOut)),
    );
    return Effect.raceFirst(run(started), limit);
  });
