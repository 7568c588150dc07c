/** A job that this process submits, watches or cancels. */
import { Deferred, Effect, Queue } from "effect";
import type { JobEvent } from "../../schemas/Job.ts";
import type { Job, JobEnd, JobError } from "../Executor.ts";
import type { Submission } from "../Submission.ts";
import type { QueuedTask } from "./queue.ts";

export interface Tracked {
  readonly job: Job;
  /** Done when Slurm has it, or refused it. */
  readonly submitted: Deferred.Deferred<void, JobError>;
  readonly end: Deferred.Deferred<JobEnd, JobError>;
  /** Messages of this process about it, beside its own events. */
  readonly news: Queue.Queue<JobEvent>;
  /** Undefined until it is in a batch. */
  submission: Submission | undefined;
  /** The newest answer of Slurm's queue, if it was in it. */
  seen: QueuedTask | undefined;
  /** Milliseconds since when the queue, asked with success, shows it as over or not at all. */
  overSince: number | undefined;
  /**
   * The time of its last heartbeat, in the file system's clock, undefined while Slurm calls it running and none has come, and
   * when that was seen, in ours.
   */
  beat: { readonly mtime: number | undefined; readonly seen: number } | undefined;
  /** Milliseconds since when its `end.json` is there, but not all that it left. */
  lateSince: number | undefined;
  cancelled: boolean;
}

export const track = (job: Job, submission?: Submission): Effect.Effect<Tracked> =>
  Effect.map(Queue.unbounded<JobEvent>(), (news) => ({
    job,
    submitted: Deferred.makeUnsafe<void, JobError>(),
    end: Deferred.makeUnsafe<JobEnd, JobError>(),
    news,
    submission,
    seen: undefined,
    overSince: undefined,
    beat: undefined,
    lateSince: undefined,
    cancelled: false,
  }));

export const tell = ({ news }: Tracked, message: string): Effect.Effect<unknown> =>
  Queue.offer(news, { event: "log", level: "info", message });
