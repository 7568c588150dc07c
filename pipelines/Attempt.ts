/** Tries at one node: their directories, their runs, and the record of how each ended. */
import { Cause, Clock, Duration, Effect, Exit } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Attempt as AttemptRecord } from "../cache/Index.ts";
import { openDirectories, remove } from "../cache/remove.ts";
import { Store } from "../cache/Store.ts";
import { isDiskTrouble, storeTrouble } from "../cache/StoreTrouble.ts";
import { type Listing, listFiles } from "../cache/Tree.ts";
import type { Digest } from "../schemas/Digest.ts";
import { codeIsAsBefore } from "../stages/codeIdentity.ts";
import { type Stage, StageFailed, type StageReport, type StageResult } from "../stages/Stage.ts";
import type { Node } from "./Compile.ts";
import { Events, type Happening, tell } from "./Events.ts";
import type { RunContext } from "./Execute.ts";
import type { KeyFields } from "./Keys.ts";
import { sourcesUnchanged } from "./localFiles.ts";
import type { PlannedNode } from "./Plan.ts";
import { Parked } from "./Schedule.ts";
import { inputsUntouched, stageInputs } from "./stageInputs.ts";
import { tailOf } from "./tailOf.ts";

/** The keys under which an attempt works. */
export interface WorkKeys {
  readonly fields: KeyFields;
  readonly content: Digest;
  /** Where a longer or shorter training of the same kind left its checkpoints. */
  readonly training: Digest | undefined;
}

interface Attempt {
  readonly id: string;
  readonly work: string;
  readonly output: string;
  readonly checkpoints: string;
  readonly log: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface Succeeded {
  readonly attempt: Attempt;
  readonly result: StageResult;
  readonly listing: Listing;
  readonly record: AttemptRecord;
}

/** Tries once. Where the machinery failed it, and not too often yet, the node is parked until the next try. */
export const attempt = Effect.fnUntraced(function* (
  planned: PlannedNode,
  keys: WorkKeys,
  context: RunContext,
) {
  const { node, because } = planned;
  const { times, wait } = node.retry;
  const store = yield* Store;
  const failures = context.failures.get(node) ?? 0;
  // Whoever forces a node wants to see it made from the beginning.
  if (because._tag === "Forced" && failures === 0) yield* store.clear(yield* checkpointsOf(keys));
  const begun = yield* beginAttempt(planned, keys);
  const exit = yield* Effect.exit(runAttempt(planned, begun, keys.fields, context));
  if (Exit.isSuccess(exit)) return exit.value;
  const error = Cause.squash(exit.cause);
  if (!(error instanceof StageFailed)) return yield* exit;
  if (error.transient !== true || failures === times) {
    yield* tellFailure(node, begun, error, context);
    return yield* error;
  }
  context.failures.set(node, failures + 1);
  const pause = Duration.times(wait, 2 ** failures);
  const { message } = error;
  yield* tell({
    _tag: "NodeRetried",
    node: node.name,
    message,
    seconds: Duration.toSeconds(pause),
  });
  return new Parked(Effect.sleep(pause));
});

const checkpointsOf = ({ content, training }: WorkKeys) =>
  Store.use((store) =>
    Effect.succeed(
      training === undefined
        ? path.join(store.workDirectory(content), "checkpoints")
        : store.checkpointDirectory(training),
    ),
  );

/** A fresh directory for the attempt; of earlier attempts at this key only the checkpoints stay. */
const beginAttempt = Effect.fnUntraced(function* (planned: PlannedNode, keys: WorkKeys) {
  const store = yield* Store;
  const directory = store.workDirectory(keys.content);
  const id = randomUUID();
  const work = path.join(directory, id);
  const begun: Attempt = {
    id,
    work,
    output: path.join(work, "out"),
    checkpoints: yield* checkpointsOf(keys),
    log: path.join(work, "log"),
    startedAt: yield* Clock.currentTimeMillis,
  };
  yield* Effect.try({
    try: () => {
      if (fs.existsSync(directory)) removeEarlier(directory);
      fs.mkdirSync(begun.output, { recursive: true });
    },
    catch: storeTrouble("the work directory can't be prepared"),
  });
  const { name: node } = planned.node;
  yield* tell({ _tag: "NodeStarted", node, recipe: planned.recipe, attempt: id, log: begun.log });
  return begun;
});

const removeEarlier = (directory: string) => {
  for (const name of fs.readdirSync(directory)) {
    if (name !== "checkpoints") remove(path.join(directory, name));
  }
};

/** Runs the stage once. A failure or an interrupt is written down at once, a success with what it made. */
const runAttempt = Effect.fnUntraced(function* (
  planned: PlannedNode,
  begun: Attempt,
  { sources = {} }: KeyFields,
  context: RunContext,
) {
  const { node } = planned;
  const events = yield* Events;
  const store = yield* Store;
  const recordOf = (status: AttemptRecord["status"]) =>
    Effect.map(secondsSince(begun), (seconds) => ({
      id: begun.id,
      recipe: planned.recipe,
      stage: node.stage.name,
      stageName: node.stageName,
      node: node.name,
      run: context.run,
      status,
      startedAt: new Date(begun.startedAt).toISOString(),
      seconds,
    }));
  const inputs = yield* stageInputs(node, context);
  const running = node.stage.run({
    params: node.params.decoded,
    inputs,
    output: begun.output,
    work: begun.work,
    checkpoints: begun.checkpoints,
    attempt: begun.id,
    resources: node.resources,
    transientExitCodes: node.retry.exitCodes,
    project: context.project,
    report: (report) => tell(happening(node, report)).pipe(Effect.provideService(Events, events)),
  });
  return yield* inputsUntouched(inputs).pipe(
    Effect.andThen(running),
    Effect.catchDefect(unexpected),
    Effect.tap(() => inputsUntouched(inputs)),
    Effect.tap(() => sourcesUnchanged(sources, context.project)),
    Effect.tap(() => codeUnchanged(node.stage)),
    Effect.bindTo("result"),
    Effect.bind("listing", () => listOutput(begun.output)),
    Effect.bind("record", () => recordOf("succeeded")),
    Effect.let("attempt", () => begun),
    Effect.onExit(
      Effect.fnUntraced(function* (exit) {
        yield* context.keepLog(node, begun.log);
        if (Exit.isSuccess(exit)) return;
        const interrupted = Cause.hasInterruptsOnly(exit.cause);
        const record = yield* recordOf(interrupted ? "interrupted" : "failed");
        yield* Effect.ignore(store.recordAttempt(record));
        const kept = shownPath(begun.work, context);
        if (interrupted) yield* tell({ _tag: "NodeInterrupted", node: node.name, kept });
      }),
    ),
  );
});

/** What was made while its code was being edited must not be kept under the key of the old code. */
const codeUnchanged = (stage: Stage) =>
  Effect.suspend(() =>
    codeIsAsBefore(stage)
      ? Effect.void
      : new StageFailed({
          message: `the code of \`${stage.name}\` was changed after this run had planned with it`,
          fix: "run the same line again, which plans with the new code",
        }),
  );

/** Never negative, also when the clock was set back meanwhile. */
const secondsSince = ({ startedAt }: Attempt) =>
  Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, now - startedAt) / 1000);

/** What the stage left must be files that can be read: pipes and dangling links are its failure, not the store's. */
const listOutput = (output: string) =>
  Effect.try({
    try: () => {
      openDirectories(output);
      const listing = listFiles(output);
      for (const file of listing.files) fs.accessSync(path.join(output, file), fs.constants.R_OK);
      return listing;
    },
    catch: (cause) =>
      new StageFailed({
        message: `what it made can't be kept: ${(cause as Error).message}`,
        fix: "leave only files and directories that can be read in the output directory",
      }),
  });

/** A stage that throws is a mistake of ours; it fails like any other, so that the run goes on and says so. */
const unexpected = (defect: unknown) =>
  Effect.fail(
    isDiskTrouble(defect)
      ? storeTrouble("the stage can't write its files")(defect)
      : new StageFailed({
          message: `the stage broke: ${defect instanceof Error ? (defect.stack ?? defect.message) : String(defect)}`,
          fix: "this is a mistake in pipe, not in your experiment; please report it with the lines above",
        }),
  );

const tellFailure = Effect.fnUntraced(function* (
  { name: node }: Node,
  begun: Attempt,
  { message, fix }: StageFailed,
  context: RunContext,
) {
  const kept = shownPath(begun.work, context);
  const seconds = yield* secondsSince(begun);
  const logTail = tailOf(begun.log);
  yield* tell({ _tag: "NodeFailed", node, message, fix, logTail, kept, seconds });
});

/** From where the person stands, when the store is in the project. */
const shownPath = (target: string, { project }: RunContext): string => {
  const relative = path.relative(project, target);
  return relative.startsWith("..") ? target : relative;
};

const happening = ({ name: node }: Node, report: StageReport): Happening => {
  switch (report._tag) {
    case "Progress":
      return {
        _tag: "NodeProgress",
        node,
        done: report.done,
        total: report.total,
        unit: report.unit,
      };
    case "Metrics":
      return { _tag: "NodeMetrics", node, step: report.step, values: report.values };
    case "Message":
      return { _tag: "NodeMessage", node, level: report.level, message: report.message };
  }
};
