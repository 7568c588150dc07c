/**
 * Runs jobs on a Slurm cluster. Compute nodes see the project and the store by the same paths; they read inputs, and write
 * only in the job's directory. Jobs of stages that the site keeps here run under the local executor.
 */
import { Deferred, Effect, Layer } from "effect";
import path from "node:path";
import type { SlurmSite } from "../../schemas/Site.ts";
import { Executor, type Job, type OnJobEvent } from "../Executor.ts";
import { followJob } from "../followJob.ts";
import { LineFollower } from "../LineFollower.ts";
import { Local } from "../Local.ts";
import { readSubmission, removeSubmission, submissionText } from "../Submission.ts";
import { clusterCapacity } from "./clusterCapacity.ts";
import { readEnd } from "./endOf.ts";
import { notSubmitted, Submitter } from "./Submitter.ts";
import { tell, track } from "./Tracked.ts";
import { Watcher } from "./Watcher.ts";

export interface SlurmOptions {
  readonly site: SlurmSite;
  /** True to leave jobs running after an interruption; called when one comes. */
  readonly isDetached: () => boolean;
  /** Seconds without a heartbeat, which comes every five, after which a job is lost whatever Slurm says; by default 180. */
  readonly silenceSeconds?: number;
}

const cancelLimit = "2 minutes";

const make = Effect.fnUntraced(function* ({
  site,
  isDetached,
  silenceSeconds = 180,
}: SlurmOptions) {
  const local = yield* Executor;
  const submitter = yield* Submitter.make(site);
  const watcher = new Watcher(site, silenceSeconds);
  yield* Effect.forkScoped(submitter.serve);
  yield* Effect.forkScoped(watcher.serve);

  const submit = Effect.fnUntraced(function* (job: Job) {
    const earlier = readSubmission(job.directory);
    const tracked = yield* track(job, earlier);
    watcher.add(tracked);
    if (earlier === undefined) return yield* submitter.submit(tracked);
    yield* Deferred.succeed(tracked.submitted, undefined);
    yield* tell(tracked, `attached to ${submissionText(earlier)}`);
  });

  const attach = Effect.fn("Slurm.attach")(function* (job: Job, onEvent: OnJobEvent) {
    const tracked = watcher.get(job.id)!;
    const { news, end, submission } = tracked;
    const events = path.join(job.directory, "events.jsonl");
    const follower = new LineFollower(events, submission!.eventsFrom);
    const sources = { follower, news, pause: "500 millis" } as const;
    return yield* followJob(sources, onEvent, Deferred.await(end)).pipe(
      Effect.ensuring(Effect.sync(() => watcher.remove(tracked))),
    );
  });

  const cancel = Effect.fnUntraced(function* (job: Job) {
    const tracked = watcher.get(job.id);
    if (tracked === undefined) return;
    tracked.cancelled = true;
    // one that is being submitted has an id soon
    yield* Effect.exit(Deferred.await(tracked.submitted));
    if (tracked.submission !== undefined) {
      removeSubmission(job.directory);
      watcher.cancel(tracked);
      yield* Effect.ignore(Effect.timeout(Effect.exit(Deferred.await(tracked.end)), cancelLimit));
    }
    // for those who still follow it
    yield* Deferred.done(tracked.end, notSubmitted(job));
  });

  const isLocal = (stage: string) => site.local?.includes(stage) === true;
  return Executor.of({
    submit: (job) => (isLocal(job.stage) ? local.submit(job) : submit(job)),
    attach: (job, onEvent) =>
      isLocal(job.stage) ? local.attach(job, onEvent) : attach(job, onEvent),
    cancel: (job) => (isLocal(job.stage) ? local.cancel(job) : cancel(job)),
    prepare: (job) => (isLocal(job.stage) ? local.prepare(job) : Effect.void),
    isHere: isLocal,
    machineOf: (directory) => readEnd(directory)?.machine,
    capacity: clusterCapacity(site),
    isDetached,
  });
});

export const slurmLayer = (options: SlurmOptions) =>
  Layer.effect(Executor, make(options)).pipe(Layer.provide(Local.layer));
