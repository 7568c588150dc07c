/** Renders the events of a run into lines. Pure. `liveLines.ts` renders the live part. */
import {
  isActive,
  isOfNode,
  isOver,
  type NodeEvent,
  type NodeState,
  nextState,
} from "../../pipelines/history/NodeState.ts";
import { renderNote } from "./diagnostics.ts";
import { shortDigest } from "../../schemas/Digest.ts";
import type { Event, EventOf } from "../../schemas/Event.ts";
import { stageNameOf } from "../../pipelines/experiment/nodeName.ts";
import {
  addFailure,
  type FailureGroups,
  groupLines,
  logsCommand,
  repeatedFailures,
} from "./failureGroups.ts";
import { duration } from "../../schemas/quantity.ts";
import { compact } from "./format.ts";
import { interruptedText } from "./interruptedText.ts";
import {
  padEnd,
  plural,
  printable,
  printableName,
  type Style,
  width,
} from "../../kinds/terminal.ts";
import { activityText, firstFacts } from "./nodeActivity.ts";
import { addSkip, emptySkips, skipRows, type SkipSummary } from "./SkipSummary.ts";

/** The due nodes of one stage. */
export interface StageCounts {
  readonly due: number;
  readonly made: number;
  readonly failed: number;
  /** Summed over the nodes that this run made. */
  readonly seconds: number;
}

export interface RunView {
  readonly run: string;
  /** Nodes that are running, waiting or about to be retried. */
  readonly active: ReadonlyMap<string, NodeState>;
  readonly total: number;
  readonly settled: number;
  readonly stages: ReadonlyMap<string, StageCounts>;
  readonly failures: FailureGroups;
  readonly skipped: SkipSummary;
  /** When a line last reported a node's progress, or failures; used only without a live part. */
  readonly lastLine: ReadonlyMap<string, number>;
}

export const emptyView: RunView = {
  run: "",
  active: new Map(),
  total: 0,
  settled: 0,
  stages: new Map(),
  failures: new Map(),
  skipped: emptySkips,
  lastLine: new Map(),
};

export interface RenderOptions {
  readonly style: Style;
  /** Has a moving part; without one, progress is printed as a line now and then. */
  readonly live: boolean;
  /** Cells of a line of the terminal; absent for a log, whose lines may have any length. */
  readonly columns?: number;
  /** The command that continues after a failure. */
  readonly again: string;
  /** The command that runs one node only. */
  readonly only: (node: string) => string;
}

const noCounts: StageCounts = { due: 0, made: 0, failed: 0, seconds: 0 };

const quietMillis = 15_000;
const nodeCells = 32;
/** The rest of a line of progress in a log: a training has more metrics than a line has room. */
const lineCells = 60;

/** The next view, and the lines that the event adds for good. */
export const advance = (
  before: RunView,
  event: Event,
  options: RenderOptions,
): readonly [RunView, ReadonlyArray<string>] => {
  const { style } = options;
  const view = isOfNode(event) ? track(before, event) : before;
  switch (event._tag) {
    case "RunStarted":
      return startedRun(view, event, style);
    case "NodeReused":
      return [
        view,
        event.found === "recipe"
          ? []
          : [row(style.dim("="), event.node, reuse[event.found], style)],
      ];
    case "NodeWaiting": {
      const text = `waiting for ${printableName(event.owner)}, which is making it`;
      return [view, [row(style.dim("…"), event.node, text, style)]];
    }
    case "NodeStarted": {
      const { attempt = 1 } = view.active.get(event.node) ?? {};
      const text = attempt === 1 ? "started" : `started, attempt ${attempt}`;
      return [view, options.live ? [] : [row("▸", event.node, text, style)]];
    }
    case "NodeProgress":
    case "NodeMetrics":
      return progressLine(view, event, options);
    case "NodeMessage":
      return event.level === "warn"
        ? [view, [row(style.yellow("!"), event.node, printable(event.message), style)]]
        : progressLine(view, event, options);
    case "NodeSucceeded":
      return [view, success(event, options)];
    case "NodeRetried": {
      const { attempt = 1 } = view.active.get(event.node) ?? {};
      const text = `attempt ${attempt} failed (infrastructure: ${printable(event.message)}); retrying in ${duration(event.seconds)}`;
      return [view, [row(style.yellow("↻"), event.node, text, style)]];
    }
    case "NodeFailed":
      return fail(view, event, options);
    case "NodeSkipped":
      return [{ ...view, skipped: addSkip(view.skipped, event) }, []];
    case "NodeInterrupted":
      return [view, [row(style.yellow("■"), event.node, interruptedText(event.leaves), style)]];
    case "RunStopping":
      return [
        view,
        [style.yellow(`stopping: waiting for ${plural(event.running, "running node")} to end`)],
      ];
    case "RunFinished":
      return [{ ...view, active: new Map() }, closing(view, event, options)];
  }
};

const startedRun = (
  view: RunView,
  { run, nodes, cached, jobs, due = {}, notes = [] }: EventOf<"RunStarted">,
  style: Style,
): readonly [RunView, ReadonlyArray<string>] => {
  const counts = `${plural(nodes, "node")}: ${cached} cached, ${nodes - cached} to run`;
  const stages = new Map(
    Object.entries(due).map(([name, count]) => [name, { ...noCounts, due: count }]),
  );
  return [
    { ...view, run, total: nodes, settled: cached, stages },
    [
      `${style.bold(run)} · ${counts}, ${plural(jobs, "job")} at a time`,
      ...notes.map((note) => renderNote(note, style)),
    ],
  ];
};

/** The view with the node's next state. */
const track = (view: RunView, event: NodeEvent): RunView => {
  const next = nextState(view.active.get(event.node), event);
  const active = new Map(view.active);
  if (isActive(next)) return { ...view, active: active.set(event.node, next) };
  if (!isOver(next)) return view;
  active.delete(event.node);
  const settled = view.settled + (next.state === "skipped" ? 0 : 1);
  return { ...view, active, settled, stages: countNode(view.stages, event) };
};

/** The counts of the node's stage after it ended. */
const countNode = (stages: RunView["stages"], event: NodeEvent): RunView["stages"] => {
  const name = stageNameOf(event.node);
  const counts = stages.get(name) ?? noCounts;
  switch (event._tag) {
    case "NodeSucceeded": {
      const seconds = counts.seconds + event.seconds;
      return new Map(stages).set(name, { ...counts, made: counts.made + 1, seconds });
    }
    case "NodeReused":
      return new Map(stages).set(name, { ...counts, due: Math.max(0, counts.due - 1) });
    case "NodeFailed":
      return new Map(stages).set(name, { ...counts, failed: counts.failed + 1 });
    default:
      return stages;
  }
};

const reuse = {
  content: "cached: its inputs are unchanged",
  "other-run": "cached: another run has just made it",
} as const;

const row = (mark: string, node: string, text: string, style: Style): string =>
  `${mark} ${padEnd(style.bold(printableName(node)), nodeCells + style.bold("").length)} ${text}`;

const success = (
  event: EventOf<"NodeSucceeded">,
  { style, columns = Infinity }: RenderOptions,
): ReadonlyArray<string> => {
  const { node, seconds, summary, differs } = event;
  const time = padEnd(duration(seconds), 11);
  const taken = Math.max(nodeCells, width(printableName(node))) + width(time) + 3;
  const facts = firstFacts(summaryFacts(summary), columns - taken - 1);
  const made = row(style.green("✓"), node, `${time}${style.dim(facts)}`, style);
  if (differs === undefined) return [made];
  const warning = `not reproducible: ${shortDigest(event.artifact)} differs from the earlier result ${shortDigest(differs)}; both are kept`;
  return [made, row(style.yellow("≠"), node, warning, style)];
};

const progressLine = (
  view: RunView,
  event: NodeEvent,
  { live, style }: RenderOptions,
): readonly [RunView, ReadonlyArray<string>] => {
  const running = view.active.get(event.node);
  if (live || running === undefined) return [view, []];
  const reported = reportNow(view, event.node, event.at, running.since ?? event.at);
  return reported === undefined
    ? [view, []]
    : [
        reported,
        [
          row(
            style.dim("·"),
            event.node,
            style.dim(activityText(running, Date.parse(event.at), lineCells)),
            style,
          ),
        ],
      ];
};

/** The view with a report of `topic` now; undefined where the last report is too recent. */
const reportNow = (
  view: RunView,
  topic: string,
  at: string,
  since: string,
): RunView | undefined => {
  const now = Date.parse(at);
  if (now - (view.lastLine.get(topic) ?? Date.parse(since)) < quietMillis) return undefined;
  return { ...view, lastLine: new Map(view.lastLine).set(topic, now) };
};

/** The first few facts of a stage's summary. */
const summaryFacts = (summary: EventOf<"NodeSucceeded">["summary"]): ReadonlyArray<string> =>
  Object.entries(summary)
    .flatMap(([name, value]) =>
      typeof value === "number"
        ? [`${printableName(name)} ${compact(value)}`]
        : typeof value === "string"
          ? [printableName(`${name} ${value}`)]
          : [],
    )
    .slice(0, 6);

/** Beyond this many kinds of failure, only their heads are shown. */
const shownInFull = 20;

/** Shows the first failure of a group in full; counts the others and reports the counts now and then. */
const fail = (
  view: RunView,
  event: EventOf<"NodeFailed">,
  options: RenderOptions,
): readonly [RunView, ReadonlyArray<string>] => {
  const { groups: failures, isFirst } = addFailure(view.failures, event);
  const counted = { ...view, failures };
  if (isFirst) {
    const lastLine = new Map(view.lastLine).set("failures", Date.parse(event.at));
    const lines =
      failures.size <= shownInFull
        ? failure(view.run, event, options)
        : failureHead(event, options.style);
    return [{ ...counted, lastLine }, lines];
  }
  const reported = options.live ? undefined : reportNow(counted, "failures", event.at, event.at);
  if (reported === undefined) return [counted, []];
  return [reported, repeatedFailures(failures).map((line) => `${options.style.red("✗")} ${line}`)];
};

const failureHead = (event: EventOf<"NodeFailed">, style: Style): ReadonlyArray<string> => [
  row(style.red("✗"), event.node, `${style.red("failed")} after ${duration(event.seconds)}`, style),
  ...event.message.split("\n").map((line) => `  ${printable(line)}`),
];

const failure = (
  run: string,
  event: EventOf<"NodeFailed">,
  { style, only }: RenderOptions,
): ReadonlyArray<string> => [
  ...failureHead(event, style),
  ...logEnd(event).map((line) => style.dim(`  │ ${printable(line)}`)),
  ...(event.fix === "" ? [] : [`  ${printable(event.fix)}`]),
  ...(event.kept === "" ? [] : [style.dim(`  kept in ${event.kept}`)]),
  style.dim(`  log: ${logsCommand(run, event.node)}`),
  `  run this node again: ${only(event.node)}`,
];

/** Without the message, which trainers repeat as the last line of their log. */
const logEnd = ({ logTail, message }: EventOf<"NodeFailed">): ReadonlyArray<string> =>
  logTail.filter((line) => message === "" || !line.startsWith(message));

const closing = (
  view: RunView,
  event: EventOf<"RunFinished">,
  { style, again }: RenderOptions,
): ReadonlyArray<string> => {
  const counts = [
    `${event.executed} made`,
    `${event.reused} cached`,
    ...(event.failed > 0 ? [`${event.failed} failed`] : []),
    ...(event.skipped > 0 ? [`${event.skipped} skipped`] : []),
  ].join(", ");
  const took = duration(event.seconds);
  switch (event.status) {
    case "done":
      return [`${style.green("done")} in ${took} · ${counts}`];
    case "failed":
      return [
        ...skipRows(view.skipped).map(([what, why]) => row(style.yellow("-"), what, why, style)),
        `${style.red("failed")} after ${took} · ${counts}`,
        ...failuresAtTheEnd(view),
        `continue with: ${again}`,
      ];
    case "interrupted":
      return [
        `${style.yellow("interrupted")} after ${took}; finished nodes are kept`,
        ...failuresAtTheEnd(view),
        `continue with: ${again}`,
      ];
  }
};

/** A single failure was just shown in full; several are listed. */
const failuresAtTheEnd = ({ failures, run }: RunView): ReadonlyArray<string> => {
  const [first, ...others] = failures.values();
  return first?.count === 1 && others.length === 0
    ? first.nodes.map((node) => `  ${printableName(node)} failed (see above)`)
    : groupLines(failures, run);
};
