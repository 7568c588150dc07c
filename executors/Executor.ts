/**
 * The port for running jobs. An executor knows processes and no stages: it says how a program ended. The job's result is in
 * its `result.json` (see `schemas/Job.ts`). `Local.ts` and `slurm/Slurm.ts` implement it; `runJob` is the way to use it.
 *
 * A job is known by its id and its directory. An executor whose jobs outlive this process keeps a record in the directory,
 * written before the job is handed over, so that `submit` of the same job by a later process attaches to it.
 */
import { Context, type Duration, Effect, Fiber, Schema } from "effect";
import type { JobEvent } from "../schemas/Job.ts";

/** One program to run, once. */
export interface Job {
  /** The attempt's id; unique among the running jobs. */
  readonly id: string;
  /** The stage's name, by which site settings choose where a job runs. */
  readonly stage: string;
  /** Program and arguments; no shell. */
  readonly command: readonly [string, ...Array<string>];
  /** The job's directory: holds `job.json`, `events.jsonl`, `result.json` and `log`. Absolute, and exists. */
  readonly directory: string;
  readonly cwd: string;
  /** Variables that are added to, or replace, those of every job (`executors/environment.ts`). */
  readonly environment: Readonly<Record<string, string>>;
  /** Further variables, whose values no file may hold. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Threads that numerical libraries may start. */
  readonly cpus: number;
  /** Bytes that the job needs; 0 if the experiment does not say. */
  readonly memory: number;
  /**
   * Number of GPUs for this job alone, or below 1 a share of one, in eighths. The job waits for them, which is reported
   * to `OnJobEvent`, and sees no others.
   */
  readonly gpus: number;
  /**
   * The number of nodes, one where absent. The program is started once on each, with NODE_RANK, NNODES, MASTER_ADDR and
   * MASTER_PORT; `cpus`, `memory` and `gpus` are those of each node.
   */
  readonly nodes?: number;
  /**
   * A Python file of imports, for a command `[python, "-m", module, ...arguments]`. Jobs with the same one and the same
   * environment are forked from a process that has run it, which saves each of them the imports.
   */
  readonly preload?: string | undefined;
  /** Wall-clock limit, counted from when the job has its GPUs; undefined for no limit. */
  readonly timeout?: Duration.Duration | undefined;
}

/** The part of a job that is known before it can run. */
export type PreparedJob = Pick<
  Job,
  "stage" | "command" | "environment" | "cpus" | "gpus" | "preload"
>;

/** The end of a program. Processor time and memory cover those processes of its tree that were waited for. */
export interface JobEnd {
  /** The exit code; `128 + signal number` after a signal, as in a shell. */
  readonly exitCode: number;
  /** The signal that ended it, such as `SIGKILL`. */
  readonly signal?: string;
  /** Counted from when it had its GPUs. */
  readonly wallSeconds: number;
  /** User plus system time, in seconds. */
  readonly cpuSeconds: number;
  /** The largest resident set of any one process of the tree, in bytes. */
  readonly maxRssBytes: number;
}

const sentences = {
  job: Schema.String,
  /** The event, as a sentence. */
  message: Schema.String,
  /** The next thing to do, as a sentence. */
  fix: Schema.String,
};

/**
 * The program never ran: it does not exist, is not executable, its directory is missing, the machine has fewer GPUs than
 * it asks for, or the supervisor cannot start.
 */
export class JobNotStarted extends Schema.TaggedError<JobNotStarted>()(
  "JobNotStarted",
  sentences,
) {}

/** The job was lost with its supervisor, node or scheduler: an infrastructure failure, worth a retry. */
export class JobLost extends Schema.TaggedError<JobLost>()("JobLost", sentences) {}

/** The job reached its own time limit; no process of it is left. */
export class JobTimedOut extends Schema.TaggedError<JobTimedOut>()("JobTimedOut", sentences) {}

/** The scheduler ended the job for a reason that a retry meets again: no memory left, or a person cancelled it. */
export class JobKilled extends Schema.TaggedError<JobKilled>()("JobKilled", sentences) {}

export type JobError = JobNotStarted | JobLost | JobTimedOut | JobKilled;

/**
 * Receives a job's events in the order they were written, and its reasons to wait before it begins. It cannot fail, so
 * no event stops a job.
 */
export type OnJobEvent = (event: JobEvent) => Effect.Effect<void>;

/** The largest job that can ever start. */
export interface JobCapacity {
  /** As messages name it: `this machine`, `the cluster`. */
  readonly place: string;
  /** The place of a job of one node: `this machine`, `the largest node of the cluster`. */
  readonly node: string;
  readonly cpus: number;
  readonly memory: number;
  readonly gpus: number;
  readonly nodes: number;
  /** The reason, as a sentence, why the GPUs could not be counted. */
  readonly why: string | null;
}

interface Operations {
  /** Hands a job over; returns once it is accepted. A job that an earlier process handed over is not submitted again. */
  readonly submit: (job: Job) => Effect.Effect<void, JobError>;
  /**
   * Follows a submitted job to its end. Any exit code is a success. All events have been reported by then, and no process
   * of the job is left. Interruption ends the watching alone.
   */
  readonly attach: (job: Job, onEvent: OnJobEvent) => Effect.Effect<JobEnd, JobError>;
  /** Ends a job that was or is being submitted, and returns when no process of it is left. */
  readonly cancel: (job: Job) => Effect.Effect<void>;
}

export class Executor extends Context.Service<
  Executor,
  Operations & {
    /** Starts the imports of a later job (`Job.preload`), and returns before they are done. */
    readonly prepare: (job: PreparedJob) => Effect.Effect<void>;
    /** True if jobs of a stage run on this machine, and so share its resources with the stages of this process. */
    readonly isHere: (stage: string) => boolean;
    /** Facts about the machine that ran the job of a directory, if it was another than this one. */
    readonly machineOf: (directory: string) => Readonly<Record<string, string>> | undefined;
    /** The largest job for the executor's own machines. Takes seconds: it counts GPUs or asks a cluster. */
    readonly capacity: Effect.Effect<JobCapacity>;
    /** True if running jobs outlive the interruption of this process, by the user's choice. */
    readonly isDetached: () => boolean;
  }
>()("pipe/Executor") {}

/** Runs a job to its end. Interruption cancels it, and reports its events until then, or leaves it if it is detached. */
export const runJob = Effect.fn("runJob")(function* (job: Job, onEvent: OnJobEvent) {
  const { submit, attach, cancel, isDetached } = yield* Executor;
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const watching = yield* Effect.forkChild(
        Effect.interruptible(Effect.andThen(submit(job), attach(job, onEvent))),
      );
      return yield* restore(Fiber.join(watching)).pipe(
        Effect.onInterrupt(() =>
          isDetached()
            ? Fiber.interrupt(watching)
            : Effect.andThen(cancel(job), Fiber.await(watching)),
        ),
      );
    }),
  );
});
