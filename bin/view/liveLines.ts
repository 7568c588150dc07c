/** The live part of a run in a terminal: a line for the run, for each active stage, and for each active node. */
import type { NodeState } from "../../pipelines/history/NodeState.ts";
import { stageNameOf } from "../../pipelines/experiment/nodeName.ts";
import { duration } from "../../schemas/quantity.ts";
import { repeatedFailures } from "./failureGroups.ts";
import {
  padEnd,
  plural,
  printableName,
  shorten,
  shortenMiddle,
  type Style,
  width,
} from "../../kinds/terminal.ts";
import { activityText, bar, elapsed, secondsLeft, shareDone } from "./nodeActivity.ts";
import type { RunView, StageCounts } from "./RunView.ts";

/** The size of the terminal, which the live part must not exceed. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

const shownFailures = 3;
const shownStages = 4;

export const liveLines = (
  view: RunView,
  now: number,
  screen: Screen,
  style: Style,
): ReadonlyArray<string> => {
  if (view.active.size === 0) return [];
  const cells = Math.max(0, screen.columns - 3);
  const failures = repeatedFailures(view.failures).slice(0, shownFailures);
  const stages = stageLines(view, now, cells).slice(0, shownStages);
  const room = Math.max(1, screen.rows - failures.length - stages.length - 4);
  const nodes = runningFirst(view);
  return [
    style.dim(shorten(`  ${countsText(view)}`, screen.columns - 1)),
    ...stages.map((line) => `  ${line}`),
    ...failures.map((line) => `${style.red("✗")} ${shorten(line, cells)}`),
    ...nodes
      .slice(0, room)
      .map(([node, state]) => `${style.cyan("▸")} ${nodeLine(node, state, now, cells)}`),
    ...(nodes.length > room ? [style.dim(`  … and ${nodes.length - room} more`)] : []),
  ];
};

/** `34/104 nodes · 2 running · 1 failed`. */
export const countsText = (view: RunView): string => {
  const failed = [...view.failures.values()].reduce((sum, { count }) => sum + count, 0);
  return [
    `${view.settled}/${plural(view.total, "node")}`,
    ...(view.active.size > 0 ? [`${view.active.size} running`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(" · ");
};

const runningFirst = ({ active }: RunView): ReadonlyArray<readonly [string, NodeState]> => {
  const nodes = [...active];
  const isWaiting = ([, { state }]: (typeof nodes)[number]) => state === "waiting";
  return [...nodes.filter((node) => !isWaiting(node)), ...nodes.filter(isWaiting)];
};

/** The active stages with several due points: `model    ███░░░░░ 34/100 · 2 running · 1 failed · 12 m left`. */
const stageLines = (view: RunView, now: number, cells: number): ReadonlyArray<string> => {
  const active = Map.groupBy(view.active, ([node]) => stageNameOf(node));
  const shown = [...view.stages].filter(([name, { due }]) => due > 1 && active.has(name));
  const { name: mostCells, bar: barCells } = layout(cells);
  const longest = Math.max(...shown.map(([name]) => width(printableName(name))));
  const nameCells = Math.min(mostCells, longest);
  return shown.map(([name, counts]) => {
    const running = (active.get(name) ?? []).map(([, state]) => state);
    const settled = counts.made + counts.failed;
    const left = stageSecondsLeft(counts, running, now);
    const text = [
      `${settled}/${counts.due}`,
      `${running.length} running`,
      ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
      ...(left === undefined ? [] : [`${duration(left)} left`]),
    ].join(" · ");
    const share = counts.due === 0 ? 0 : settled / counts.due;
    const label = padEnd(shortenMiddle(printableName(name), nameCells), nameCells);
    return shorten(`${label} ${bar(share, barCells)} ${text}`, cells);
  });
};

/** Estimated from the mean time of a point, with as many running as now; undefined before a point gives a time. */
const stageSecondsLeft = (
  { due, made, failed, seconds }: StageCounts,
  running: ReadonlyArray<NodeState>,
  now: number,
): number | undefined => {
  const estimates = running.map((state) => {
    const left = secondsLeft(state, now);
    return left === undefined ? undefined : { left, whole: elapsed(state, now) + left };
  });
  const known = estimates.flatMap((each) => each ?? []);
  const mean =
    made > 0
      ? seconds / made
      : known.length > 0
        ? known.reduce((sum, { whole }) => sum + whole, 0) / known.length
        : undefined;
  if (mean === undefined) return undefined;
  const ofRunning = estimates.reduce(
    (sum, each, index) => sum + (each?.left ?? Math.max(0, mean - elapsed(running[index]!, now))),
    0,
  );
  const notStarted = Math.max(0, due - made - failed - running.length);
  return (ofRunning + notStarted * mean) / Math.max(1, running.length);
};

/** The cells of a name and of a bar in a line of `cells`. */
const layout = (cells: number) => ({
  name: Math.max(8, Math.min(40, Math.floor(cells * 0.36))),
  bar: cells < 75 ? 8 : 16,
});

const timeCells = 9;

/** A narrow line shows the time left instead of the time spent. */
const nodeLine = (node: string, state: NodeState, now: number, cells: number): string => {
  const { name: nameCells, bar: barCells } = layout(cells);
  const share = shareDone(state);
  const isTimeShown = cells >= 75 || secondsLeft(state, now) === undefined;
  // A node without progress has no bar, so its name gets those cells.
  const labelCells = share === undefined ? nameCells + barCells + 1 : nameCells;
  const head = [
    padEnd(shortenMiddle(printableName(node), labelCells), labelCells),
    ...(share === undefined ? [] : [bar(share, barCells)]),
    ...(isTimeShown ? [padEnd(duration(elapsed(state, now)), timeCells)] : []),
  ].join(" ");
  const room = cells - width(head) - 1;
  return shorten(`${head} ${activityText(state, now, room)}`.trimEnd(), cells);
};
