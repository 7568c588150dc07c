import { Console, Effect } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";
import { fileName } from "../../cache/fileName.ts";
import { successesBehind } from "../../cache/History.ts";
import { Store } from "../../cache/Store.ts";
import { EventLog } from "../../pipelines/EventLog.ts";
import { FollowedLog } from "../../pipelines/FollowedLog.ts";
import {
  isOfNode,
  isOver,
  type NodeState,
  nextState,
  plannedState,
  withoutRun,
} from "../../pipelines/NodeState.ts";
import { artifactIn } from "../../pipelines/RunHistory.ts";
import { runLives, type RunPlan } from "../../pipelines/RunRecord.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { duration } from "../../schemas/quantity.ts";
import { printable, printableName } from "../view/format.ts";
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
      Flag.withDescription("go on until the node ends, over all its tries"),
    ),
    run: Flag.String("run").pipe(
      Flag.optional,
      Flag.map((run) => (run._tag === "Some" ? run.value : undefined)),
      Flag.withDescription("the run; by default the latest"),
    ),
  },
  Effect.fn("pipe logs")(function* ({ node: name, follow, run }) {
    const { plan, node } = yield* findNode(name, run);
    const shown = yield* showLog(plan.run, node, follow);
    yield* say(ending(node.node, shown));
    const { artifact, state } = shown.state;
    // Cached or reused: another run has made it.
    if (artifact !== undefined && state !== "made")
      yield* showMaker(node.recipe, artifact).pipe(
        Effect.provide(Store.layerReadOnly(storeHome())),
      );
  }),
).pipe(Command.withDescription("Print what a node's program wrote; -f follows it while it runs"));

interface Shown {
  readonly run: string;
  readonly state: NodeState;
  /** Whether there was anything to show. */
  readonly any: boolean;
  readonly runGoesOn: boolean;
}

/** Shows what there is of the node's log, and with `follow` what comes, until the node or its run has ended. */
const showLog = Effect.fnUntraced(function* (
  run: string,
  node: RunPlan["nodes"][number],
  follow: boolean,
) {
  const home = storeHome();
  const events = new EventLog(home, run);
  let state = plannedState(node);
  let log: FollowedLog | undefined;
  let isFinished = false;
  const turnTo = Effect.fnUntraced(function* (next: FollowedLog | undefined) {
    if (log !== undefined) yield* writeAll(log);
    log?.close();
    log = next;
  });
  for (let isFirst = true; ; isFirst = false) {
    // Asked first: what a run has written before it ended is read below.
    const lives = runLives(home, run);
    for (const event of events.read()) {
      isFinished ||= event._tag === "RunFinished";
      if (!isOfNode(event) || event.node !== node.node) continue;
      state = nextState(state, event);
      if (event._tag === "NodeStarted") yield* turnTo(new FollowedLog(event.log));
      if (event._tag === "NodeRetried" && follow && !isFirst) yield* say(triedAgain(state));
    }
    if (log !== undefined) yield* writeAll(log);
    const ended = isFinished || !lives;
    const isDone = isOver(state) || ended;
    if (isDone || !follow) {
      const known = ended ? withoutRun(state, isFinished ? "ended" : "killed") : state;
      const live = log?.isThere ?? false;
      yield* turnTo(undefined);
      const kept = live ? false : yield* writeKept(run, node.node);
      return { run, state: known, any: live || kept, runGoesOn: !isDone } satisfies Shown;
    }
    yield* Effect.sleep(pollMillis);
  }
});

const triedAgain = ({ attempt = 1, message = "", seconds = 0 }: NodeState): string =>
  `try ${attempt} was failed by the machinery (${printableName(message)}); again in ${duration(seconds)}`;

/** The log that a run has kept of a node whose attempt is gone. */
const writeKept = Effect.fnUntraced(function* (run: string, node: string) {
  const file = path.join(storeHome(), "runs", run, "logs", `${fileName(node)}.log`);
  if (!fs.existsSync(file)) return false;
  const log = new FollowedLog(file);
  yield* writeAll(log);
  log.close();
  return true;
});

const decoder = new StringDecoder("utf8");

/** A terminal would obey what a log says, so it gets text; a file or another program gets the bytes as they are. */
const shownAs = (bytes: Buffer): Buffer | string =>
  process.stdout.isTTY === true ? printable(decoder.write(bytes).replace(/\r\n?/gu, "\n")) : bytes;

const writeAll = (log: FollowedLog) =>
  Effect.promise(async () => {
    for (let bytes = log.read(); bytes.length > 0; bytes = log.read()) {
      const shown = shownAs(bytes);
      await new Promise<void>((resolve) => process.stdout.write(shown, () => resolve()));
    }
  });

/** Not part of the log, so not on stdout. */
const say = Console.error;

/** What has become of the node, in a sentence. */
const ending = (node: string, { run, state, any, runGoesOn }: Shown): string => {
  const name = printableName(node);
  const nothing = any ? "" : "; it wrote no log";
  const { seconds = 0 } = state;
  switch (state.state) {
    case "made":
      return `${name} of ${run} was made in ${duration(seconds)}${nothing}`;
    case "failed":
      return `${name} of ${run} failed after ${duration(seconds)}: ${printableName(state.message ?? "")}${nothing}`;
    case "interrupted":
      return `${name} of ${run} was interrupted${nothing}`;
    case "lost":
      return `${run} was killed while ${name} was at work; ${any ? "its log ends here" : "its log is gone: the work was begun anew since"}`;
    case "skipped":
      return `${name} was not run: ${printableName(state.because ?? "")} failed`;
    case "not started":
      return runGoesOn
        ? `${name} has not begun; -f waits for it`
        : `${name} was not begun by ${run}`;
    case "waiting":
      return `${name} waits: it is being made by ${printableName(state.owner ?? "")}`;
    case "retrying":
      return triedAgain(state);
    case "running":
      return `${name} is at work${any ? "" : " and has written nothing yet"}; -f follows it`;
    case "cached":
      return `${name} of ${run} was there before`;
    case "reused":
      return `${name} of ${run} was found while the run went on`;
  }
};

/** Of a node that was there already: which run made it, with the log that was written then. */
const showMaker = Effect.fnUntraced(function* (recipe: Digest, artifact: Digest) {
  const store = yield* Store;
  const candidates = yield* store.query((index) => successesBehind(index, recipe, artifact));
  const made = candidates.find(
    ({ run, node }) => artifactIn(store.home, run, { node }) === artifact,
  );
  if (made === undefined)
    return yield* say("it was made by a run that is not kept here, nor is its log");
  const name = printableName(made.node);
  yield* say(`it was made by ${made.run}, there as ${name}; its log:`);
  if (!(yield* writeKept(made.run, made.node))) yield* say(`${name} wrote no log`);
});
