/** What a person sees of a run: a pure rendering of its events. `lines` are for good, `live` is the moving part. */
import type { Event, EventOf } from "../../schemas/Event.ts";
import { compact, duration, padEnd, plural, printable, printableName, width } from "./format.ts";
import type { Style } from "./style.ts";

interface Running {
  readonly node: string;
  readonly since: number;
  readonly progress?: EventOf<"NodeProgress">;
  readonly metrics?: EventOf<"NodeMetrics">;
  readonly message?: string;
  readonly waitingFor?: string;
}

export interface RunView {
  readonly running: ReadonlyMap<string, Running>;
  readonly total: number;
  readonly settled: number;
  /** When a node's progress was last written as a line; only where there is no live part. */
  readonly lastLine: ReadonlyMap<string, number>;
}

export const emptyView: RunView = { running: new Map(), total: 0, settled: 0, lastLine: new Map() };

export interface RenderOptions {
  readonly style: Style;
  /** Whether there is a live part; without one, progress becomes a line now and then. */
  readonly live: boolean;
  /** How to go on after a failure. */
  readonly again: string;
}

const quietMillis = 15_000;
const nodeCells = 32;

/** The next view, and the lines that the event adds for good. */
export const advance = (
  view: RunView,
  event: Event,
  options: RenderOptions,
): readonly [RunView, ReadonlyArray<string>] => {
  const { style } = options;
  switch (event._tag) {
    case "RunStarted": {
      const due = event.nodes - event.cached;
      const line = `${style.bold(event.run)} · ${plural(event.nodes, "node")}, ${event.cached} cached, ${due} to make, ${plural(event.jobs, "job")} at a time`;
      return [{ ...view, total: event.nodes }, [line]];
    }
    case "NodeReused":
      return [
        settle(view, event.node),
        event.found === "recipe"
          ? []
          : [row(style.dim("="), event.node, reuse[event.found], style)],
      ];
    case "NodeWaiting":
      return [
        update(view, event, { waitingFor: event.owner }),
        [row(style.dim("…"), event.node, `is being made by ${event.owner}; waiting`, style)],
      ];
    case "NodeStarted":
      return [
        update(view, event, {}),
        options.live ? [] : [row("▸", event.node, "started", style)],
      ];
    case "NodeProgress":
      return progressLine(update(view, event, { progress: event }), event, options);
    case "NodeMetrics":
      return progressLine(update(view, event, { metrics: event }), event, options);
    case "NodeMessage": {
      if (event.level === "warn")
        return [view, [row(style.yellow("!"), event.node, printable(event.message), style)]];
      return progressLine(
        update(view, event, { message: printable(event.message) }),
        event,
        options,
      );
    }
    case "NodeSucceeded":
      return [
        settle(view, event.node),
        [
          row(
            style.green("✓"),
            event.node,
            `${padEnd(duration(event.seconds), 11)}${style.dim(facts(event.summary))}`,
            style,
          ),
        ],
      ];
    case "NodeRetried": {
      const text = `the machinery failed (${printable(event.message)}); again in ${duration(event.seconds)}`;
      return [view, [row(style.yellow("↻"), event.node, text, style)]];
    }
    case "NodeFailed":
      return [settle(view, event.node), failure(event, options)];
    case "NodeSkipped":
      return [
        view,
        [
          row(
            style.yellow("-"),
            event.node,
            `not run: ${printableName(event.because)} failed`,
            style,
          ),
        ],
      ];
    case "NodeInterrupted":
      return [
        settle(view, event.node),
        [row(style.yellow("■"), event.node, "interrupted; what it has saved is kept", style)],
      ];
    case "RunStopping":
      return [
        view,
        [style.yellow(`stopping: ${plural(event.running, "running node")} asked to save and end`)],
      ];
    case "RunFinished":
      return [{ ...view, running: new Map() }, [closing(event, options)]];
  }
};

const reuse = {
  content: "not run: its inputs came out as before",
  "other-run": "not run: equal work has just been done",
} as const;

const row = (mark: string, node: string, text: string, style: Style): string =>
  `${mark} ${padEnd(style.bold(printableName(node)), nodeCells + style.bold("").length)} ${text}`;

const update = (
  view: RunView,
  event: { readonly node: string; readonly at: string },
  change: Partial<Running>,
): RunView => {
  const known = view.running.get(event.node) ?? { node: event.node, since: Date.parse(event.at) };
  return { ...view, running: new Map(view.running).set(event.node, { ...known, ...change }) };
};

const settle = (view: RunView, node: string): RunView => {
  const running = new Map(view.running);
  running.delete(node);
  return { ...view, running, settled: view.settled + 1 };
};

const progressLine = (
  view: RunView,
  event: { readonly node: string; readonly at: string },
  { live, style }: RenderOptions,
): readonly [RunView, ReadonlyArray<string>] => {
  const running = view.running.get(event.node);
  const now = Date.parse(event.at);
  const last = view.lastLine.get(event.node) ?? running?.since ?? now;
  if (live || running === undefined || now - last < quietMillis) return [view, []];
  const lastLine = new Map(view.lastLine).set(event.node, now);
  return [
    { ...view, lastLine },
    [row(style.dim("·"), event.node, style.dim(doing(running)), style)],
  ];
};

const doing = ({ progress, metrics, message }: Running): string => {
  const parts = [
    ...(progress === undefined
      ? []
      : [`${compact(progress.done)}/${compact(progress.total)} ${progress.unit}`]),
    ...Object.entries(metrics?.values ?? {}).map(([name, value]) => `${name} ${compact(value)}`),
  ];
  return parts.length > 0 ? parts.join("  ") : (message ?? "");
};

const barCells = 16;

/** One line for each node at work, no wider than the terminal. */
export const liveLines = (
  view: RunView,
  now: number,
  columns: number,
  style: Style,
): ReadonlyArray<string> => {
  if (view.running.size === 0) return [];
  const lines = [...view.running.values()].map((running) => {
    const { progress, waitingFor } = running;
    const share =
      progress === undefined || progress.total === 0
        ? undefined
        : Math.min(1, progress.done / progress.total);
    const filled = Math.round((share ?? 0) * barCells);
    const bar =
      share === undefined
        ? " ".repeat(barCells)
        : "█".repeat(filled) + "░".repeat(barCells - filled);
    const elapsed = padEnd(duration(Math.max(0, now - running.since) / 1000), 9);
    const text = waitingFor === undefined ? doing(running) : `waiting for ${waitingFor}`;
    return cut(
      `${padEnd(printableName(running.node), nodeCells)} ${bar} ${elapsed} ${text}`,
      columns - 3,
    );
  });
  return [
    style.dim(cut(`  ${view.settled}/${view.total} nodes`, columns - 1)),
    ...lines.map((line) => `${style.cyan("▸")} ${line}`),
  ];
};

const cut = (text: string, cells: number): string => {
  if (width(text) <= cells) return text;
  let kept = text.slice(0, Math.max(0, cells - 1));
  while (width(kept) > cells - 1) kept = kept.slice(0, -1);
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

const failure = (
  event: EventOf<"NodeFailed">,
  { style, again }: RenderOptions,
): ReadonlyArray<string> => [
  row(style.red("✗"), event.node, `${style.red("failed")} after ${duration(event.seconds)}`, style),
  ...event.message.split("\n").map((line) => `  ${printable(line)}`),
  ...event.logTail.map((line) => style.dim(`  │ ${printable(line)}`)),
  ...(event.fix === "" ? [] : [`  ${printable(event.fix)}`]),
  ...(event.kept === "" ? [] : [style.dim(`  kept in ${event.kept}`)]),
  `  go on with: ${again}`,
];

const closing = (event: EventOf<"RunFinished">, { style, again }: RenderOptions): string => {
  const counts = [
    `${event.executed} made`,
    `${event.reused} cached`,
    ...(event.failed > 0 ? [`${event.failed} failed`] : []),
    ...(event.skipped > 0 ? [`${event.skipped} not run`] : []),
  ].join(", ");
  const took = duration(event.seconds);
  switch (event.status) {
    case "done":
      return `${style.green("done")} in ${took} · ${counts}`;
    case "failed":
      return `${style.red("failed")} after ${took} · ${counts}`;
    case "interrupted":
      return `${style.yellow("interrupted")} after ${took}; what is finished is kept. Go on with: ${again}`;
  }
};
