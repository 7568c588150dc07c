/**
 * The port behind which jobs run. An executor knows processes and nothing of stages: it says how a program ended,
 * while what the job achieved stands in its `result.json` (see `schemas/Job.ts`).
 */
import { Context, type Duration, type Effect, Schema } from "effect";
import type { JobEvent } from "../schemas/Job.ts";

/** One program to run, once. */
export interface Job {
  /** The attempt's identity; unique among the jobs in flight. */
  readonly id: string;
  /** Program and arguments; no shell. */
  readonly command: readonly [string, ...string[]];
  /** The job's directory: holds `job.json`, `events.jsonl`, `result.json` and `log`. Absolute, and exists. */
  readonly directory: string;
  readonly cwd: string;
  /** Added to, and stronger than, what every job inherits (`executors/environment.ts`). */
  readonly environment: Readonly<Record<string, string>>;
  /** How many threads numerical libraries may start. */
  readonly cpus: number;
  /**
   * How many GPUs it gets for itself, or below 1 which share, in eighths, of one that it has together with others: it
   * waits for them, which `OnJobEvent` is told, and sees no others.
   */
  readonly gpus: number;
  /** Wall-clock limit, from when it has its GPUs; without it a job may run for ever. */
  readonly timeout?: Duration.Duration | undefined;
}

/** How the program ended. Processor time and memory cover the whole tree as far as it was waited for. */
export interface JobEnd {
  /** The exit code; `128 + signal number`, as a shell says it, after a signal. */
  readonly exitCode: number;
  /** The signal that ended it, such as `SIGKILL`. */
  readonly signal?: string;
  /** From when it had its GPUs. */
  readonly wallSeconds: number;
  /** User plus system time, in seconds. */
  readonly cpuSeconds: number;
  /** The largest resident set of any one process of the tree, in bytes. */
  readonly maxRssBytes: number;
}

const sentences = {
  job: Schema.String,
  /** What happened, as a sentence. */
  message: Schema.String,
  /** What to do next. */
  fix: Schema.String,
};

/**
 * The program never ran: it does not exist, may not be executed, its directory is missing, there are fewer GPUs than it
 * asks for, or there is no supervisor.
 */
export class JobNotStarted extends Schema.TaggedError<JobNotStarted>()(
  "JobNotStarted",
  sentences,
) {}

/** Whoever watched over the job died, and the job with it: a failure of the machinery, worth another attempt. */
export class SupervisorLost extends Schema.TaggedError<SupervisorLost>()(
  "SupervisorLost",
  sentences,
) {}

/** The job ran into its time limit; nothing of it is left running. */
export class JobTimedOut extends Schema.TaggedError<JobTimedOut>()("JobTimedOut", sentences) {}

export type JobError = JobNotStarted | SupervisorLost | JobTimedOut;

/**
 * What is told of a job's events, in the order they were written, and of what it waits for before it can begin; it
 * cannot fail, so that no event stops a job.
 */
export type OnJobEvent = (event: JobEvent) => Effect.Effect<void>;

export class Executor extends Context.Service<
  Executor,
  {
    /**
     * Runs a job to its end. Any exit code is a success of this method. Interruption, and the time limit, end the
     * whole process tree and return only once it is gone. All events have been told when it returns.
     */
    readonly run: (job: Job, onEvent: OnJobEvent) => Effect.Effect<JobEnd, JobError>;
  }
>()("pipe/Executor") {}
