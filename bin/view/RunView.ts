/** What a person sees of a run: a pure rendering of its events. `lines` are for good, `live` is the moving part. */
import {
  isActive,
  isOfNode,
  isOver,
  type NodeEvent,
  type NodeState,
  nextState,
} from "../../pipelines/NodeState.ts";
import { shortDigest } from "../../schemas/Digest.ts";
import type { Event, EventOf } from "../../schemas/Event.ts";
import { addFailure, type FailureGroups, groupLines, logsCommand } from "./failureGroups.ts";
import { duration } from "../../schemas/quantity.ts";
import { compact, padEnd, plural, printable, printableName, width } from "./format.ts";
import { addSkipped, noneSkipped, skippedRows, type SkippedNodes } from "./skippedNodes.ts";
import type { Style } from "./style.ts";

export interface RunView {
  readonly run: string;
  /** What is being made or waited for. */
  readonly active: ReadonlyMap<string, NodeState>;
  readonly total: number;
  readonly settled: number;
  readonly failures: FailureGroups;
  readonly skipped: SkippedNodes;
  /** When a line last told of a node's progress, or of failures; only where there is no live part. */
  readonly lastLine: ReadonlyMap<string, number>;
}

export const emptyView: RunView = {
  run: "",
  active: new Map(),
  total: 0,
  settled: 0,
  failures: new Map(),
  skipped: noneSkipped,
  lastLine: new Map(),
};

export interface RenderOptions {
  readonly style: Style;
  /** Whether there is a live part; without one, progress becomes a line now and then. */
  readonly live: boolean;
  /** How to go on after a failure. */
  readonly again: string;
  /** How to run one node again, and nothing else. */
  readonly only: (node: string) => string;
}

const quietMillis = 15_000;
const nodeCells = 32;

/** The next view, and the lines that the event adds for good. */
export const advance = (
  before: RunView,
  event: Event,
  options: RenderOptions,
): readonly [RunView, ReadonlyArray<string>] => {
  const { style } = options;
  const view = isOfNode(event) ? track(before, event) : before;
  switch (event._tag) {
    case "RunStarted": {
      const due = event.nodes - event.cached;
      const line = `${style.bold(event.run)} · ${plural(event.nodes, "node")}, ${event.cached} cached, ${due} to make, ${plural(event.jobs, "job")} at a time`;
      return [{ ...view, run: event.run, total: event.nodes, settled: event.cached }, [line]];
    }
    case "NodeReused":
      return [
        view,
        event.found === "recipe"
          ? []
          : [row(style.dim("="), event.node, reuse[event.found], style)],
      ];
    case "NodeWaiting": {
      const text = `is being made by ${printableName(event.owner)}; waiting`;
      return [view, [row(style.dim("…"), event.node, text, style)]];
    }
    case "NodeStarted": {
      const { attempt = 1 } = view.active.get(event.node) ?? {};
      const text = attempt === 1 ? "started" : `started again, try ${attempt}`;
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
      return [view, success(event, style)];
    case "NodeRetried": {
      const { attempt = 1 } = view.active.get(event.node) ?? {};
      const text = `try ${attempt} was failed by the machinery (${printable(event.message)}); again in ${duration(event.seconds)}`;
      return [view, [row(style.yellow("↻"), event.node, text, style)]];
    }
    case "NodeFailed":
      return fail(view, event, options);
    case "NodeSkipped":
      return [{ ...view, skipped: addSkipped(view.skipped, event) }, []];
    case "NodeInterrupted":
      return [
        view,
        [row(style.yellow("■"), event.node, "interrupted; what it has saved is kept", style)],
      ];
    case "RunStopping":
      return [
        view,
        [style.yellow(`stopping: ${plural(event.running, "running node")} asked to save and end`)],
      ];
    case "RunFinished":
      return [{ ...view, active: new Map() }, closing(view, event, options)];
  }
};

/** What the event makes of its node. */
const track = (view: RunView, event: NodeEvent): RunView => {
  const next = nextState(view.active.get(event.node), event);
  const active = new Map(view.active);
  if (isActive(next)) return { ...view, active: active.set(event.node, next) };
  if (!isOver(next)) return view;
  active.delete(event.node);
  const settled = view.settled + (next.state === "skipped" ? 0 : 1);
  return { ...view, active, settled };
};

const reuse = {
  content: "not run: its inputs came out as before",
  "other-run": "not run: equal work has just been done",
} as const;

const row = (mark: string, node: string, text: string, style: Style): string =>
  `${mark} ${padEnd(style.bold(printableName(node)), nodeCells + style.bold("").length)} ${text}`;

const success = (event: EventOf<"NodeSucceeded">, style: Style): ReadonlyArray<string> => {
  const { node, seconds, summary, differs } = event;
  const text = `${padEnd(duration(seconds), 11)}${style.dim(facts(summary))}`;
  const made = row(style.green("✓"), node, text, style);
  if (differs === undefined) return [made];
  const said = `not reproducible: other bytes than the last time (${shortDigest(differs)}), now ${shortDigest(event.artifact)}; both are kept`;
  return [made, row(style.yellow("≠"), node, said, style)];
};

const progressLine = (
  view: RunView,
  event: NodeEvent,
  { live, style }: RenderOptions,
): readonly [RunView, ReadonlyArray<string>] => {
  const running = view.active.get(event.node);
  if (live || running === undefined) return [view, []];
  const spoken = speak(view, event.node, event.at, running.since ?? event.at);
  return spoken === undefined
    ? [view, []]
    : [spoken, [row(style.dim("·"), event.node, style.dim(doing(running)), style)]];
};

/** The view in which `about` was spoken of now; nothing where that was done lately. */
const speak = (view: RunView, about: string, at: string, since: string): RunView | undefined => {
  const now = Date.parse(at);
  if (now - (view.lastLine.get(about) ?? Date.parse(since)) < quietMillis) return undefined;
  return { ...view, lastLine: new Map(view.lastLine).set(about, now) };
};

/** What a node at work says of itself. */
export const doing = ({ state, progress, metrics, message, owner, seconds }: NodeState): string => {
  if (state === "waiting") return `waiting for ${printableName(owner ?? "")}`;
  if (state === "retrying") return `again in ${duration(seconds ?? 0)}`;
  const parts = [
    ...(progress === undefined
      ? []
      : [`${compact(progress.done)}/${compact(progress.total)} ${printableName(progress.unit)}`]),
    ...Object.entries(metrics ?? {}).map(
      ([name, value]) => `${printableName(name)} ${compact(value)}`,
    ),
  ];
  return parts.length > 0 ? parts.join("  ") : printableName(message ?? "");
};

const barCells = 16;

/** The terminal that the live part must not outgrow. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

/** What nodes at work look like, one line each, those that wait last; and the failures that were not shown. */
export const liveLines = (
  view: RunView,
  now: number,
  { columns, rows }: Screen,
  style: Style,
): ReadonlyArray<string> => {
  if (view.active.size === 0) return [];
  const failed = alike(view.failures).slice(0, 3);
  const nodes = [...view.active];
  const isWaiting = ([, { state }]: (typeof nodes)[number]) => state === "waiting";
  const inOrder = [...nodes.filter((node) => !isWaiting(node)), ...nodes.filter(isWaiting)];
  const room = Math.max(1, rows - failed.length - 4);
  const lines = inOrder
    .slice(0, room)
    .map(([node, state]) =>
      cut(
        `${padEnd(printableName(node), nodeCells)} ${bar(state, now)} ${doing(state)}`,
        columns - 3,
      ),
    );
  return [
    style.dim(cut(`  ${view.settled}/${view.total} nodes`, columns - 1)),
    ...failed.map((line) => `${style.red("✗")} ${cut(line, columns - 3)}`),
    ...lines.map((line) => `${style.cyan("▸")} ${line}`),
    ...(nodes.length > room ? [style.dim(`  … and ${nodes.length - room} more`)] : []),
  ];
};

/** How far a node is, and for how long it has been at it. */
export const bar = ({ progress, since }: NodeState, now: number): string => {
  const share =
    progress === undefined || progress.total === 0
      ? undefined
      : Math.max(0, Math.min(1, progress.done / progress.total));
  const filled = Math.round((share ?? 0) * barCells);
  const cells =
    share === undefined ? " ".repeat(barCells) : "█".repeat(filled) + "░".repeat(barCells - filled);
  const elapsed = since === undefined ? 0 : Math.max(0, now - Date.parse(since)) / 1000;
  return `${cells} ${padEnd(duration(elapsed), 9)}`;
};

/** Failures that have been counted and not shown. */
const alike = (failures: FailureGroups): ReadonlyArray<string> =>
  [...failures.values()]
    .filter(({ count }) => count > 1)
    .map(({ count, stage, message }) => {
      const others = `${count - 1} more ${count === 2 ? "point" : "points"} of ${stage}`;
      return `${others} failed alike: ${printableName(message.split("\n", 1)[0] ?? "")}`;
    });

const cut = (text: string, cells: number): string => {
  if (width(text) <= cells) return text;
  let kept = text.slice(0, Math.max(0, cells - 1));
  while (kept !== "" && width(kept) > cells - 1) kept = kept.slice(0, -1);
  return `${kept}…`;
};

/** The numbers among a stage's small facts. */
const facts = (summary: EventOf<"NodeSucceeded">["summary"]): string =>
  Object.entries(summary)
    .flatMap(([name, value]) =>
      typeof value === "number"
        ? [`${name} ${compact(value)}`]
        : typeof value === "string"
          ? [`${name} ${value}`]
          : [],
    )
    .slice(0, 6)
    .join("  ");

/** More kinds of failure than this in one run are hardly read. */
const shownInFull = 20;

/** The first of its kind is shown in full; those like it are counted, and told of now and then. */
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
  const spoken = options.live ? undefined : speak(counted, "failures", event.at, event.at);
  if (spoken === undefined) return [counted, []];
  return [spoken, alike(failures).map((line) => `${options.style.red("✗")} ${line}`)];
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
  style.dim(`  its log: ${logsCommand(run, event.node)}`),
  `  just this node again: ${only(event.node)}`,
];

/** A trainer's last line in its log is its message, which stands above already. */
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
    ...(event.skipped > 0 ? [`${event.skipped} not run`] : []),
  ].join(", ");
  const took = duration(event.seconds);
  switch (event.status) {
    case "done":
      return [`${style.green("done")} in ${took} · ${counts}`];
    case "failed":
      return [
        ...skippedRows(view.skipped).map(([what, why]) => row(style.yellow("-"), what, why, style)),
        `${style.red("failed")} after ${took} · ${counts}`,
        ...failuresAtTheEnd(view),
        `go on with: ${again}`,
      ];
    case "interrupted":
      return [
        `${style.yellow("interrupted")} after ${took}; what is finished is kept`,
        ...failuresAtTheEnd(view),
        `go on with: ${again}`,
      ];
  }
};

/** What has failed alone has just been shown with its message; of several failures, here is the list. */
const failuresAtTheEnd = ({ failures, run }: RunView): ReadonlyArray<string> => {
  const [first, ...others] = failures.values();
  return first?.count === 1 && others.length === 0
    ? first.nodes.map((node) => `  ${printableName(node)} failed, as told above`)
    : groupLines(failures, run);
};
