/** Attempts at one node: each runs the stage once, and its end is recorded. */
import { Cause, Clock, Duration, Effect, Exit } from "effect";
import path from "node:path";
import { isDiskFull } from "../../cache/diskUse.ts";
import type { Attempt as AttemptRecord } from "../../cache/records.ts";
import { Store } from "../../cache/Store.ts";
import { fullDiskFix, isDiskTrouble, storeTrouble } from "../../cache/StoreTrouble.ts";
import type { Listing } from "../../cache/Tree.ts";
import { Executor } from "../../executors/Executor.ts";
import { readSubmission, removeSubmission } from "../../executors/Submission.ts";
import { codeIsAsBefore } from "../../stages/codeIdentity.ts";
import { runs } from "../../stages/runs.ts";
import type { Stage } from "../../stages/Stage.ts";
import { StageFailed, type StageReport, type StageResult } from "../../stages/StageRun.ts";
import type { Node } from "../experiment/Node.ts";
import type { KeyFields, WorkKeys } from "../plan/Keys.ts";
import { sourcesUnchanged } from "../plan/localFiles.ts";
import type { PlannedNode } from "../plan/Plan.ts";
import {
  type AttemptDirectory,
  checkpointsOf,
  createAttemptDirectory,
  listOutput,
  secondsSince,
} from "./attemptDirectory.ts";
import { checkpointNames, leftIn } from "./checkpoints.ts";
import { Events, publish, type UntimedEvent } from "./Events.ts";
import { Pace } from "./Pace.ts";
import type { RunContext } from "./RunContext.ts";
import { Parked } from "./Schedule.ts";
import { inputsUnchanged, stageInputs } from "./stageInputs.ts";
import { logTail } from "./logTail.ts";

export interface FinishedAttempt {
  readonly attempt: AttemptDirectory;
  readonly result: StageResult;
  readonly listing: Listing;
  readonly record: AttemptRecord;
  /** The part of its time that does not grow with its work, if its progress shows it. */
  readonly fixedSeconds: number | undefined;
}

/**
 * Makes one attempt. After an infrastructure failure with retries left, parks the node until the next attempt. An attempt
 * that left a new checkpoint uses up no retry.
 */
export const attempt = Effect.fnUntraced(function* (
  planned: PlannedNode,
  keys: WorkKeys,
  context: RunContext,
) {
  const { node, recipe, because } = planned;
  const { times, wait } = node.retry;
  const store = yield* Store;
  const failures = context.failures.get(node) ?? 0;
  // `--force` asks for the work from its beginning, not from a checkpoint.
  if (because._tag === "Forced" && !context.failures.has(node))
    yield* store.clear(yield* checkpointsOf(keys));
  const directory = yield* createAttemptDirectory(keys);
  const { id, log, checkpoints } = directory;
  const before = checkpointNames(checkpoints);
  yield* publish({ _tag: "NodeStarted", node: node.name, recipe, attempt: id, log });
  const exit = yield* Effect.exit(runAttempt(planned, directory, keys.fields, context));
  if (Exit.isSuccess(exit)) return exit.value;
  const error = Cause.squash(exit.cause);
  if (!(error instanceof StageFailed)) return yield* exit;
  // A job that its time limit or a preemption ends, again and again, comes to its end all the same.
  const cameFurther = checkpointNames(checkpoints).some((name) => !before.includes(name));
  if (error.transient !== true || (failures === times && !cameFurther)) {
    yield* publishFailure(node, directory, error, context);
    return yield* error;
  }
  context.failures.set(node, cameFurther ? failures : failures + 1);
  const pause = Duration.times(wait, 2 ** failures);
  const seconds = Duration.toSeconds(pause);
  yield* publish({ _tag: "NodeRetried", node: node.name, message: error.message, seconds });
  return new Parked(Effect.sleep(pause));
});

/** Runs the stage. A failure or interrupt is recorded here; a success is recorded by `commit`, with its action. */
const runAttempt = Effect.fnUntraced(function* (
  planned: PlannedNode,
  directory: AttemptDirectory,
  { sources = {} }: KeyFields,
  context: RunContext,
) {
  const { node } = planned;
  const { project } = context;
  const events = yield* Events;
  const store = yield* Store;
  const { isHere } = yield* Executor;
  const inputs = yield* stageInputs(node, context);
  const pace = new Pace();
  const running = runs.get(node.stage.name)!.run({
    params: node.params.decoded,
    inputs,
    output: directory.output,
    work: directory.work,
    checkpoints: directory.checkpoints,
    attempt: directory.id,
    resources: node.resources,
    transientExitCodes: node.retry.exitCodes,
    project,
    report: (report) =>
      Effect.andThen(
        notePace(pace, report),
        Effect.provideService(publish(eventOf(node, report)), Events, events),
      ),
  });
  return yield* inputsUnchanged(inputs).pipe(
    Effect.andThen(running),
    Effect.catchDefect(failureOfDefect),
    Effect.tap(() => inputsUnchanged(inputs)),
    Effect.tap(() => sourcesUnchanged(sources, project)),
    Effect.tap(() => codeUnchanged(node.stage)),
    Effect.bindTo("result"),
    Effect.bind("listing", () => listOutput(directory)),
    Effect.bind("record", () => attemptRecord(planned, directory, "succeeded", context)),
    Effect.let("fixedSeconds", ({ record }) => pace.fixedSeconds(record.seconds)),
    Effect.let("attempt", () => directory),
    Effect.onExit(
      Effect.fnUntraced(function* (exit) {
        yield* context.keepLog(node, directory.log);
        if (Exit.isSuccess(exit)) return;
        const status = Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed";
        // the next attempt begins anew; a run on this machine leaves a cluster's job alone
        if (status === "failed" && !isHere(node.stage.name)) removeSubmission(directory.work);
        const record = yield* attemptRecord(planned, directory, status, context);
        yield* Effect.ignore(store.recordAttempt(record));
        const kept = shownPath(directory.work, context);
        if (status === "interrupted") {
          const leaves = leftBy(directory);
          yield* publish({ _tag: "NodeInterrupted", node: node.name, kept, leaves });
        }
      }),
    ),
  );
});

/** A cluster's job that was left to run has its record still; one that was cancelled has lost it. */
const leftBy = ({ work, checkpoints }: AttemptDirectory) =>
  readSubmission(work) === undefined ? leftIn(checkpoints) : "job";

const notePace = (pace: Pace, report: StageReport) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    if (report._tag === "Progress") pace.note(report, now / 1000);
  });

const attemptRecord = (
  { node, recipe }: PlannedNode,
  directory: AttemptDirectory,
  status: AttemptRecord["status"],
  { run }: RunContext,
) =>
  Effect.map(secondsSince(directory), (seconds) => ({
    id: directory.id,
    recipe,
    stage: node.stage.name,
    stageName: node.stageName,
    node: node.name,
    run,
    status,
    startedAt: new Date(directory.startedAt).toISOString(),
    seconds,
  }));

/** Results of edited code must not be stored under the key of the code that the plan has seen. */
const codeUnchanged = (stage: Stage) =>
  Effect.suspend(() =>
    codeIsAsBefore(stage)
      ? Effect.void
      : new StageFailed({
          message: `the code of the stage \`${stage.name}\` changed after the plan was made`,
          fix: "run the same command again; it plans with the new code",
        }),
  );

/** A defect in a stage's code fails its node like any other failure, so that the run goes on. */
const failureOfDefect = (defect: unknown) =>
  Effect.fail(
    isDiskTrouble(defect)
      ? storeTrouble("the stage can't write its files")(defect)
      : new StageFailed({
          message: `the stage threw: ${defect instanceof Error ? (defect.stack ?? defect.message) : String(defect)}`,
          fix: "this is a bug in pipe, not in your experiment; please report it with the lines above",
        }),
  );

const publishFailure = Effect.fnUntraced(function* (
  { name: node }: Node,
  directory: AttemptDirectory,
  { message, fix }: StageFailed,
  context: RunContext,
) {
  const { home } = yield* Store;
  // The stage can't know why its writes fail.
  const isFull = isDiskFull(home);
  yield* publish({
    _tag: "NodeFailed",
    node,
    message: isFull ? `${message}; the store's disk is full` : message,
    fix: isFull ? fullDiskFix : fix,
    logTail: logTail(directory.log),
    kept: shownPath(directory.work, context),
    seconds: yield* secondsSince(directory),
  });
});

/** Relative to the project where the store is inside it. */
const shownPath = (target: string, { project }: RunContext): string => {
  const relative = path.relative(project, target);
  return relative.startsWith("..") ? target : relative;
};

const eventOf = ({ name: node }: Node, report: StageReport): UntimedEvent => {
  switch (report._tag) {
    case "Progress": {
      const { done, total, unit } = report;
      return { _tag: "NodeProgress", node, done, total, unit };
    }
    case "Metrics":
      return { _tag: "NodeMetrics", node, step: report.step, values: report.values };
    case "Message":
      return { _tag: "NodeMessage", node, level: report.level, message: report.message };
  }
};
