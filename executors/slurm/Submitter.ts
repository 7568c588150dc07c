/** Collects jobs for a moment and submits those that want the same as one job array. */
import { Deferred, Duration, Effect, Exit, Queue, Result } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { SlurmSite } from "../../schemas/Site.ts";
import { root } from "../../schemas/root.ts";
import { slurmJobEnvironment } from "../environment.ts";
import { JobNotStarted, type Job, type JobError } from "../Executor.ts";
import { anyPython } from "../interpreters.ts";
import { removeSubmission, writeSubmission } from "../Submission.ts";
import { writeAtomically } from "../writeAtomically.ts";
import { batchesOf, batchScript, defaults, sbatchWords } from "./batch.ts";
import { type CommandAnswer, slurmCommand } from "./commands.ts";
import { isTemporary, queueFormat, readQueue } from "./queue.ts";
import { tell, type Tracked } from "./Tracked.ts";

const collectMillis = 300;
const mostCollectMillis = 3000;
const leftoverGraceSeconds = 0.5;
/** Between tries while slurmctld is silent. */
const pauses = [1, 2, 4, 8, 15] as const;
/** A submission that slurmctld carried out shows in the queue by then. */
const lookMillis = 5_000;

const runner = path.join(root, "executors/slurm_job.py");

export class Submitter {
  private readonly site: SlurmSite;
  private readonly requests: Queue.Queue<Tracked>;

  constructor(site: SlurmSite, requests: Queue.Queue<Tracked>) {
    this.site = site;
    this.requests = requests;
  }

  static readonly make = (site: SlurmSite) =>
    Effect.map(Queue.unbounded<Tracked>(), (requests) => new Submitter(site, requests));

  /** Returns when Slurm has the job. Interruption does not take it back. */
  readonly submit = (tracked: Tracked): Effect.Effect<void, JobError> =>
    Effect.andThen(Queue.offer(this.requests, tracked), Deferred.await(tracked.submitted));

  /** Serves requests for ever. A batch that has begun is submitted to its end. */
  readonly serve: Effect.Effect<never> = Effect.suspend(() => this.serveOnce).pipe(Effect.forever);

  private readonly serveOnce = Effect.gen({ self: this }, function* () {
    const requests = [yield* Queue.take(this.requests)];
    for (let waited = 0; waited < mostCollectMillis; waited += collectMillis) {
      yield* Effect.sleep(Duration.millis(collectMillis));
      const more = yield* Queue.clear(this.requests);
      if (more.length === 0) break;
      requests.push(...more);
    }
    const wanted = requests.filter(({ cancelled }) => !cancelled);
    for (const batch of batchesOf(wanted, this.site))
      yield* Effect.uninterruptible(this.submitBatch(batch));
    for (const { submitted, job } of requests) yield* Deferred.done(submitted, notSubmitted(job));
  });

  private readonly submitBatch = Effect.fnUntraced(
    { self: this },
    function* (batch: ReadonlyArray<Tracked>) {
      const name = `pipe-${randomUUID()}`;
      for (const [task, tracked] of batch.entries()) {
        const { job } = tracked;
        const eventsFrom = sizeOf(path.join(job.directory, "events.jsonl"));
        tracked.submission = { executor: "slurm", name, task, at: Date.now(), eventsFrom };
        this.writeProgram(job);
        writeSubmission(job.directory, tracked.submission);
      }
      const id = yield* Effect.result(this.sbatch(name, batch));
      for (const tracked of batch) {
        const { job, submitted } = tracked;
        if (Result.isFailure(id)) {
          removeSubmission(job.directory);
          tracked.submission = undefined;
          yield* Deferred.fail(
            submitted,
            new JobNotStarted({
              job: job.id,
              message: `Slurm refused the job: ${id.failure}`,
              fix: "change `resources` of the stage or `slurm` in pipe.yaml; `sinfo` lists what the cluster has",
            }),
          );
          continue;
        }
        tracked.submission = { ...tracked.submission!, id: id.success };
        writeSubmission(job.directory, tracked.submission);
        yield* Deferred.succeed(submitted, undefined);
      }
    },
  );

  /** The id of the job array, or the reason of a refusal. Waits while slurmctld is silent. */
  private readonly sbatch = Effect.fnUntraced(
    { self: this },
    function* (name: string, batch: ReadonlyArray<Tracked>) {
      const jobs = batch.map(({ job }) => job);
      const script = batchScript(
        name,
        jobs.map(({ directory }) => directory),
        this.site.python ?? anyPython(),
        runner,
      );
      const words = sbatchWords(name, jobs, this.site);
      for (let tries = 0; ; tries += 1) {
        const answer = yield* slurmCommand("sbatch", words, {
          input: script,
          secrets: jobs[0]?.secrets ?? {},
        });
        if (answer.ok) return answer.stdout.trim().split(";")[0] ?? "";
        if (!isTemporary(answer.message)) return yield* Effect.fail(answer.message);
        for (const tracked of batch)
          yield* tell(tracked, `waits: sbatch failed (${answer.message}); it will be tried again`);
        // It may have been carried out all the same.
        const known = yield* findByName(name, pauses[Math.min(tries, pauses.length - 1)]!);
        if (known !== undefined) return known;
      }
    },
  );

  private writeProgram(job: Job): void {
    const { command, cwd, cpus, gpus, nodes = 1, timeout } = job;
    const program = {
      command,
      cwd,
      environment: slurmJobEnvironment(job),
      secrets: Object.keys(job.secrets ?? {}),
      cpus,
      gpus,
      nodes,
      timeout: timeout === undefined ? null : Duration.toSeconds(timeout),
      grace: this.site.grace_seconds ?? defaults.grace_seconds,
      leftoverGrace: leftoverGraceSeconds,
    };
    writeAtomically(path.join(job.directory, "program.json"), JSON.stringify(program));
  }
}

export const notSubmitted = ({ id }: Job) =>
  Exit.fail(
    new JobNotStarted({
      job: id,
      message: "cancelled before it was submitted",
      fix: "run the same command again",
    }),
  );

const sizeOf = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;

export const askQueue = (names: ReadonlyArray<string>): Effect.Effect<CommandAnswer> =>
  slurmCommand("squeue", ["-h", "-r", "-t", "all", "-n", names.join(","), "-o", queueFormat]);

/** The id of a job array by its name. Undefined after the queue, asked with success, has not shown it for some seconds. */
const findByName = Effect.fnUntraced(function* (name: string, seconds: number) {
  let missing = 0;
  for (;;) {
    yield* Effect.sleep(Duration.seconds(seconds));
    const answer = yield* askQueue([name]);
    if (!answer.ok) continue;
    const task = [...readQueue(answer.stdout).values()][0];
    if (task !== undefined) return task.array;
    missing += seconds * 1000;
    if (missing >= lookMillis) return undefined;
  }
});
