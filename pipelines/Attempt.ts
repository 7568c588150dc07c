/** One try at making one node: its directories, its run, and the record of how it ended. */
import { Cause, Clock, Effect, Exit } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { Store } from "../cache/Store.ts";
import { storeTrouble } from "../cache/StoreTrouble.ts";
import { listFiles } from "../cache/Tree.ts";
import type { Digest } from "../schemas/Digest.ts";
import {
  type InputArtifact,
  StageFailed,
  type StageInputs,
  type StageReport,
} from "../stages/Stage.ts";
import type { Node } from "./Compile.ts";
import { Events, type Happening, tell } from "./Events.ts";
import type { RunContext } from "./Execute.ts";
import type { KeyFields } from "./Keys.ts";
import { sourcesUnchanged } from "./localFiles.ts";
import { isFanIn, type PlannedNode } from "./Plan.ts";

export interface Attempt {
  readonly id: string;
  readonly work: string;
  readonly output: string;
  readonly checkpoints: string;
  readonly log: string;
}

/** A fresh directory for the attempt; of earlier attempts at this key only the checkpoints stay. */
export const beginAttempt = Effect.fnUntraced(function* (planned: PlannedNode, content: Digest) {
  const store = yield* Store;
  const directory = yield* store.workDirectory(content);
  const id = randomUUID();
  const work = path.join(directory, id);
  const attempt: Attempt = {
    id,
    work,
    output: path.join(work, "out"),
    checkpoints: path.join(directory, "checkpoints"),
    log: path.join(work, "log"),
  };
  yield* Effect.try({
    try: () => {
      for (const name of fs.readdirSync(directory)) {
        if (name !== "checkpoints")
          fs.rmSync(path.join(directory, name), { recursive: true, force: true });
      }
      fs.mkdirSync(attempt.output, { recursive: true });
      fs.mkdirSync(attempt.checkpoints, { recursive: true });
    },
    catch: storeTrouble("the work directory can't be prepared"),
  });
  const { name: node } = planned.node;
  yield* tell({ _tag: "NodeStarted", node, recipe: planned.recipe, attempt: id, log: attempt.log });
  return attempt;
});

/** Runs the stage; whatever the end, the attempt is written down and told of. */
export const runAttempt = Effect.fnUntraced(function* (
  planned: PlannedNode,
  attempt: Attempt,
  sources: KeyFields["sources"],
  context: RunContext,
) {
  const { node } = planned;
  const events = yield* Events;
  const store = yield* Store;
  const begun = yield* Clock.currentTimeMillis;
  const secondsSince = Effect.map(Clock.currentTimeMillis, (now) => (now - begun) / 1000);
  const result = yield* node.stage
    .run({
      params: node.params.decoded,
      inputs: stageInputs(node, context, store.directoryOf),
      output: attempt.output,
      work: attempt.work,
      checkpoints: attempt.checkpoints,
      attempt: attempt.id,
      project: context.project,
      report: (report) => tell(happening(node, report)).pipe(Effect.provideService(Events, events)),
    })
    .pipe(
      Effect.catchDefect(unexpected),
      Effect.tap(() => storable(attempt.output)),
      Effect.tap(() => sourcesUnchanged(sources ?? {}, context.project)),
      Effect.onExit((exit) =>
        Effect.flatMap(secondsSince, (seconds) =>
          endAttempt(planned, attempt, context, exit, begun, seconds),
        ),
      ),
    );
  return { result, seconds: yield* secondsSince };
});

/** What the stage left must be files: pipes, sockets and dangling links are its failure, not the store's. */
const storable = (output: string) =>
  Effect.try({
    try: () => void listFiles(output),
    catch: (cause) =>
      new StageFailed({
        message: `what it made can't be kept: ${(cause as Error).message}`,
        fix: "leave only files and directories in the output directory",
      }),
  });

/** A stage that throws is a mistake of ours; it fails like any other, so that the run goes on and says so. */
const unexpected = (defect: unknown) =>
  Effect.fail(
    new StageFailed({
      message: `the stage broke: ${defect instanceof Error ? (defect.stack ?? defect.message) : String(defect)}`,
      fix: "this is a mistake in pipe, not in your experiment; please report it with the lines above",
    }),
  );

const endAttempt = Effect.fnUntraced(function* (
  planned: PlannedNode,
  attempt: Attempt,
  context: RunContext,
  exit: Exit.Exit<unknown, StageFailed>,
  begun: number,
  seconds: number,
) {
  const { node } = planned;
  const store = yield* Store;
  const status = Exit.isSuccess(exit)
    ? "succeeded"
    : Cause.hasInterruptsOnly(exit.cause)
      ? "interrupted"
      : "failed";
  yield* context.keepLog(node, attempt.log);
  const record = {
    id: attempt.id,
    recipe: planned.recipe,
    stage: node.stage.name,
    node: node.name,
    run: context.run,
  };
  yield* Effect.ignore(
    store.recordAttempt({ ...record, status, startedAt: new Date(begun).toISOString(), seconds }),
  );
  if (status === "interrupted")
    yield* tell({
      _tag: "NodeInterrupted",
      node: node.name,
      kept: shownPath(attempt.work, context),
    });
  if (status === "failed" && Exit.isFailure(exit)) {
    const error = Cause.squash(exit.cause) as StageFailed;
    const fix = error.fix ?? "";
    const told = {
      node: node.name,
      message: error.message,
      fix,
      logTail: tailOf(attempt.log),
      kept: shownPath(attempt.work, context),
      seconds,
    };
    yield* tell({ _tag: "NodeFailed", ...told });
  }
});

/** From where the person stands, when the store is in the project. */
const shownPath = (target: string, { project }: RunContext): string => {
  const relative = path.relative(project, target);
  return relative.startsWith("..") ? target : relative;
};

const stageInputs = (
  node: Node,
  context: RunContext,
  directoryOf: (artifact: Digest) => string,
): StageInputs => {
  const artifactOf = (input: Node): InputArtifact => {
    const settled = context.settled.get(input);
    if (settled === undefined) throw new Error(`${input.name} is taken from before it is settled`);
    return { artifact: settled.artifact, directory: directoryOf(settled.artifact.digest) };
  };
  return Object.fromEntries(
    Object.entries(node.inputs).map(([name, input]) => [
      name,
      isFanIn(input)
        ? input.map((element) => ({ ...artifactOf(element.node), labels: element.labels }))
        : artifactOf(input),
    ]),
  );
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

const tailBytes = 16 * 1024;
const tailLines = 20;

/** The last lines of a job's log; none where there is no log. */
export const tailOf = (log: string): ReadonlyArray<string> => {
  if (!fs.existsSync(log)) return [];
  const descriptor = fs.openSync(log, "r");
  try {
    const { size } = fs.fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    fs.readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .slice(-tailLines)
      .filter((line) => line !== "");
  } finally {
    fs.closeSync(descriptor);
  }
};
