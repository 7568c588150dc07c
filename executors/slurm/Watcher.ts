/** Watches all jobs of this process: their files often, Slurm's queue seldom and with one command for all. */
import { Deferred, Duration, Effect, Random } from "effect";
import type { SlurmSite } from "../../schemas/Site.ts";
import { JobLost } from "../Executor.ts";
import { submissionText } from "../Submission.ts";
import { defaults } from "./batch.ts";
import { slurmCommand } from "./commands.ts";
import { heartbeatOf, needsReason, outcomeOf, readEnd, showsAll } from "./endOf.ts";
import {
  isHopeless,
  isOver,
  isPaused,
  isTemporary,
  lossOf,
  readQueue,
  taskKey,
  waitingText,
} from "./queue.ts";
import { askQueue } from "./Submitter.ts";
import { tell, type Tracked } from "./Tracked.ts";

const lookMillis = 500;
const shortestPollMillis = 2000;
const backOff = 1.5;

export class Watcher {
  private readonly site: SlurmSite;
  private readonly silenceSeconds: number;
  private readonly jobs = new Map<string, Tracked>();
  private pollMillis = shortestPollMillis;
  private nextPoll = 0;
  private quietSince: number | undefined;
  /** Jobs to cancel with the next command. */
  private readonly toCancel = new Set<Tracked>();

  constructor(site: SlurmSite, silenceSeconds: number) {
    this.site = site;
    this.silenceSeconds = silenceSeconds;
  }

  add(tracked: Tracked): void {
    this.jobs.set(tracked.job.id, tracked);
    this.pollSoon();
  }

  remove(tracked: Tracked): void {
    this.jobs.delete(tracked.job.id);
  }

  get(id: string): Tracked | undefined {
    return this.jobs.get(id);
  }

  cancel(tracked: Tracked): void {
    this.toCancel.add(tracked);
    this.pollSoon();
  }

  readonly serve: Effect.Effect<never> = Effect.suspend(() => this.look()).pipe(
    Effect.andThen(Effect.sleep(Duration.millis(lookMillis))),
    Effect.forever,
  );

  private pollSoon(): void {
    this.pollMillis = shortestPollMillis;
    this.nextPoll = Math.min(this.nextPoll, Date.now() + lookMillis);
  }

  private readonly look = Effect.fnUntraced({ self: this }, function* () {
    if (this.toCancel.size > 0) yield* this.cancelAll();
    const watched = [...this.jobs.values()].filter(({ submission }) => submission !== undefined);
    if (watched.length === 0) return;
    if (Date.now() >= this.nextPoll) yield* this.poll(watched);
    for (const tracked of watched) yield* this.settle(tracked);
  });

  /** One command for all jobs; what it does not know is no news of a job's end by itself. */
  private readonly poll = Effect.fnUntraced(
    { self: this },
    function* (watched: ReadonlyArray<Tracked>) {
      const answer = yield* askQueue([...new Set(watched.map((each) => each.submission!.name))]);
      const now = Date.now();
      const jitter = yield* Random.nextBetween(0.8, 1.2);
      this.nextPoll = now + this.pollMillis * jitter;
      const longest = (this.site.poll_seconds ?? defaults.poll_seconds) * 1000;
      this.pollMillis = Math.min(longest, this.pollMillis * backOff);
      if (!answer.ok) {
        if (this.quietSince === undefined)
          for (const each of watched)
            yield* tell(each, `waits: Slurm does not answer (${answer.message}); asking again`);
        this.quietSince ??= now;
        return;
      }
      this.quietSince = undefined;
      const queue = readQueue(answer.stdout);
      for (const each of watched) {
        const seen = queue.get(taskKey(each.submission!));
        const before = each.seen;
        if (seen !== undefined) {
          each.seen = seen;
          each.submission = { ...each.submission!, id: seen.array };
        }
        if (seen === undefined || isOver(seen) || isHopeless(seen)) each.overSince ??= now;
        else each.overSince = undefined;
        const waiting = seen === undefined ? undefined : waitingText(seen);
        if (waiting !== undefined && waiting !== (before && waitingText(before)))
          yield* tell(each, waiting);
        if (seen?.state !== before?.state) this.pollMillis = shortestPollMillis;
      }
    },
  );

  /** Ends a job whose result is there, or whose result will not come. */
  private readonly settle = Effect.fnUntraced({ self: this }, function* (tracked: Tracked) {
    const { job, submission, seen } = tracked;
    const end = readEnd(job.directory);
    if (end !== undefined && !tracked.cancelled && !showsAll(job, end))
      return yield* this.awaitFiles(tracked);
    const isReasonDue = tracked.overSince === undefined;
    if (end !== undefined && !tracked.cancelled && needsReason(end) && isReasonDue) {
      this.nextPoll = Math.min(this.nextPoll, Date.now() + lookMillis);
      return;
    }
    const isExplained = seen !== undefined && seen.state.startsWith("OUT_OF_MEMORY");
    if (end !== undefined && !isExplained && !(end.stopped && !end.timedOut && !tracked.cancelled))
      return yield* Deferred.done(tracked.end, outcomeOf(job, end));
    if (end === undefined && !this.isGivenUp(tracked)) return yield* this.checkHeart(tracked);
    const life = end?.stopped ? "stopped" : heartbeatOf(job) === undefined ? "none" : "started";
    if (seen !== undefined && isHopeless(seen)) yield* this.cancelNow(tracked);
    yield* Deferred.fail(tracked.end, lossOf(job, submission!, seen, life));
  });

  private readonly awaitFiles = Effect.fnUntraced({ self: this }, function* (tracked: Tracked) {
    const { job, submission } = tracked;
    tracked.lateSince ??= Date.now();
    if (Date.now() - tracked.lateSince < this.patienceMillis) return;
    yield* Deferred.fail(
      tracked.end,
      new JobLost({
        job: job.id,
        message: `${submissionText(submission!)} ended, and ${job.directory} does not show all that it left`,
        fix: "raise `slurm.patience_seconds` in pipe.yaml if the shared file system is slow, and run the same command again",
      }),
    );
  });

  private get patienceMillis(): number {
    return (this.site.patience_seconds ?? defaults.patience_seconds) * 1000;
  }

  /** True for a job that is over, for Slurm, and has had its time to show a result. */
  private isGivenUp({ overSince, seen, cancelled, submission }: Tracked): boolean {
    if (overSince === undefined) return false;
    if (cancelled || (seen !== undefined && isHopeless(seen))) return true;
    // a submission without an answer may still be on its way
    const since = submission?.id === undefined ? submission!.at : overSince;
    return (
      Date.now() - since >= this.patienceMillis && Date.now() - overSince >= shortestPollMillis
    );
  }

  private readonly checkHeart = Effect.fnUntraced({ self: this }, function* (tracked: Tracked) {
    const { job, submission, seen, beat } = tracked;
    const mtime = heartbeatOf(job);
    // a node may hang before the first beat
    if (mtime === undefined && seen?.state !== "RUNNING") return;
    const now = Date.now();
    const what = submissionText(submission!);
    if (mtime !== undefined && beat?.mtime === undefined) {
      const on = seen?.node ? ` on ${seen.node}` : "";
      yield* tell(tracked, `started${on} as ${what}`);
    }
    const isPausing = seen !== undefined && isPaused(seen);
    if (beat === undefined || beat.mtime !== mtime || isPausing)
      tracked.beat = { mtime, seen: now };
    else if (now - beat.seen > this.silenceSeconds * 1000 && seen !== undefined) {
      yield* this.cancelNow(tracked);
      yield* Deferred.fail(
        tracked.end,
        new JobLost({
          job: job.id,
          message: `${what} has given no sign of life for ${this.silenceSeconds} s, although Slurm calls it ${seen.state}`,
          fix: "run the same command again, which continues from the last checkpoint",
        }),
      );
    }
  });

  /** Cancels at once: this process may exit as soon as the job's end is reported. */
  private cancelNow(tracked: Tracked): Effect.Effect<void> {
    this.toCancel.add(tracked);
    return this.cancelAll();
  }

  private readonly cancelAll = Effect.fnUntraced({ self: this }, function* () {
    // one without an id waits for the queue to tell it
    const known = [...this.toCancel].filter(({ submission }) => submission?.id !== undefined);
    if (known.length === 0) return;
    const ids = known.map(({ submission }) => `${submission!.id}_${submission!.task}`);
    const answer = yield* slurmCommand("scancel", ids);
    // slurmctld may be down: the next look tries again
    if (answer.ok || !isTemporary(answer.message))
      for (const each of known) this.toCancel.delete(each);
  });
}
