import { Console, Effect } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import fs from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { successesBehind } from "../../cache/History.ts";
import { Store } from "../../cache/Store.ts";
import { EventLog } from "../../pipelines/history/EventLog.ts";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { FollowedLog } from "../../pipelines/history/FollowedLog.ts";
import {
  isOfNode,
  isOver,
  type NodeEvent,
  type NodeState,
  nextState,
  plannedState,
  stateAfterRun,
} from "../../pipelines/history/NodeState.ts";
import { artifactIn } from "../../pipelines/history/RunHistory.ts";
import { isRunAlive } from "../../pipelines/history/RunRecord.ts";
import type { RunPlan } from "../../pipelines/history/RunPlan.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { duration } from "../../schemas/quantity.ts";
import { printable, printableName } from "../../kinds/terminal.ts";
import { reportText } from "../view/reportText.ts";
import { printText } from "../view/printText.ts";
import { findNode } from "./findNode.ts";
import { storeHome } from "./project.ts";

const pollMillis = 150;

export const logsCommand = Command.make(
  "logs",
  {
    node: Argument.String("node").pipe(
      Argument.withDescription("a node of the latest run, or RUN/NODE"),
    ),
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withDefault(false),
      Flag.withDescription("keep printing until the node ends, over all its attempts"),
    ),
    run: Flag.String("run").pipe(
      Flag.optional,
      Flag.map((run) => (run._tag === "Some" ? run.value : undefined)),
      Flag.withDescription("the run; by default the latest"),
    ),
  },
  Effect.fn("pipe logs")(function* ({ node: name, follow, run }) {
    const { plan, node } = yield* findNode(name, run);
    const printed = yield* printLog(plan.run, node, follow);
    yield* print(stateSentence(node.node, printed));
    const { artifact, state } = printed.state;
    // A cached or reused node was made by another run.
    if (artifact !== undefined && state !== "made")
      yield* printMakersLog(node.recipe, artifact).pipe(
        Effect.provide(Store.layerReadOnly(storeHome())),
      );
  }),
).pipe(Command.withDescription("Print a node's log; -f follows it while the node runs"));

interface PrintedLog {
  readonly run: string;
  readonly state: NodeState;
  /** It has a log file. */
  readonly hasLog: boolean;
  /** It reported progress, metrics or messages. */
  readonly hasReports: boolean;
  readonly isRunActive: boolean;
}

/** Prints the node's log; with `follow`, until the node or its run has ended. */
const printLog = Effect.fnUntraced(function* (
  run: string,
  node: RunPlan["nodes"][number],
  follow: boolean,
) {
  const home = storeHome();
  const events = new EventLog(home, run);
  let state = plannedState(node);
  let log: FollowedLog | undefined;
  let isFinished = false;
  let hasReports = false;
  const switchTo = Effect.fnUntraced(function* (next: FollowedLog | undefined) {
    if (log !== undefined) yield* writeAll(log);
    log?.close();
    log = next;
  });
  for (let isFirst = true; ; isFirst = false) {
    // Read before the events: a run writes its end before it releases its lock.
    const isAlive = isRunAlive(home, run);
    for (const event of events.read()) {
      isFinished ||= event._tag === "RunFinished";
      if (!isOfNode(event) || event.node !== node.node) continue;
      hasReports = (yield* writeReport(event, state)) || hasReports;
      state = nextState(state, event);
      if (event._tag === "NodeStarted") yield* switchTo(new FollowedLog(event.log));
      if (event._tag === "NodeRetried" && follow && !isFirst) yield* print(retryText(state));
    }
    if (log !== undefined) yield* writeAll(log);
    const ended = isFinished || !isAlive;
    const isDone = isOver(state) || ended;
    if (isDone || !follow) {
      const known = ended ? stateAfterRun(state, isFinished ? "ended" : "killed") : state;
      const live = log?.exists ?? false;
      yield* switchTo(undefined);
      const kept = live ? false : yield* writeKept(run, node.node);
      return {
        run,
        state: known,
        hasLog: live || kept,
        hasReports,
        isRunActive: !isDone,
      } satisfies PrintedLog;
    }
    yield* Effect.sleep(pollMillis);
  }
});

const retryText = ({ attempt = 1, message = "", seconds = 0 }: NodeState): string =>
  `attempt ${attempt} failed (infrastructure: ${printableName(message)}); retrying in ${duration(seconds)}`;

/** Prints the log that the run kept, where the attempt's directory is gone. */
const writeKept = Effect.fnUntraced(function* (run: string, node: string) {
  const file = RunDirectory.of(storeHome(), run).logOf(node);
  if (!fs.existsSync(file)) return false;
  const log = new FollowedLog(file);
  yield* writeAll(log);
  log.close();
  return true;
});

const decoder = new StringDecoder("utf8");

/** Escapes control characters for a terminal, which would obey them; a file or program gets the bytes. */
const shownAs = (bytes: Buffer): Buffer | string =>
  process.stdout.isTTY === true ? printable(decoder.write(bytes).replace(/\r\n?/gu, "\n")) : bytes;

const writeAll = (log: FollowedLog) =>
  Effect.promise(async () => {
    for (let bytes = log.read(); bytes.length > 0; bytes = log.read()) {
      const shown = shownAs(bytes);
      await new Promise<void>((resolve) => process.stdout.write(shown, () => resolve()));
    }
  });

/** Prints what a node reported by an event; false if that is nothing. */
const writeReport = (event: NodeEvent, before: NodeState) => {
  const report = reportText(event, before);
  return report === undefined ? Effect.succeed(false) : Effect.as(printText(report), true);
};

/** Prints what a node reported in a run that is over; false if it reported nothing. */
const writeReports = Effect.fnUntraced(function* (home: string, run: string, node: string) {
  let state: NodeState = { state: "not started" };
  let hasReports = false;
  for (const event of new EventLog(home, run).read()) {
    if (!isOfNode(event) || event.node !== node) continue;
    hasReports = (yield* writeReport(event, state)) || hasReports;
    state = nextState(state, event);
  }
  return hasReports;
});

/** To stderr, since stdout is the log. */
const print = Console.error;

const stateSentence = (node: string, printed: PrintedLog): string => {
  const { run, state, hasLog, hasReports, isRunActive } = printed;
  const name = printableName(node);
  const nothing = hasLog || hasReports ? "" : "; it wrote no log";
  const { seconds = 0 } = state;
  switch (state.state) {
    case "made":
      return `${name} of ${run} was made in ${duration(seconds)}${nothing}`;
    case "failed":
      return `${name} of ${run} failed after ${duration(seconds)}: ${printableName(state.message ?? "")}${nothing}`;
    case "interrupted":
      return `${name} of ${run} was interrupted${nothing}`;
    case "lost":
      return `${run} was killed while ${name} was running; ${hasLog ? "its log ends here" : "its log is gone, because the node was started again since"}`;
    case "skipped":
      return `${name} was skipped: ${printableName(state.because ?? "")} failed`;
    case "not started":
      return isRunActive
        ? `${name} has not started; -f waits for it`
        : `${name} was not started in ${run}`;
    case "waiting":
      return `${name} is waiting: ${printableName(state.owner ?? "")} is making it`;
    case "retrying":
      return retryText(state);
    case "running":
      return `${name} is running${hasLog || hasReports ? "" : "; it wrote no log yet"}; -f follows it`;
    case "cached":
      return `${name} was cached when ${run} began`;
    case "reused":
      return `${name} was found in the store during ${run}`;
  }
};

/** Prints which run made a cached node, and the log that it kept. */
const printMakersLog = Effect.fnUntraced(function* (recipe: Digest, artifact: Digest) {
  const store = yield* Store;
  const candidates = yield* store.query((index) => successesBehind(index, recipe, artifact));
  const made = candidates.find(
    ({ run, node }) => artifactIn(store.home, run, { node }) === artifact,
  );
  if (made === undefined)
    return yield* print("the run that made it is no longer in the store, and neither is its log");
  const name = printableName(made.node);
  yield* print(`made by ${made.run} as ${name}; its log:`);
  const hasReports = yield* writeReports(store.home, made.run, made.node);
  const hasLog = yield* writeKept(made.run, made.node);
  if (!hasReports && !hasLog) yield* print(`${name} wrote no log`);
});
