/** How a run stands: its nodes, collapsed by stage where they are many, then whatever is at work, waits or has failed. */
import { isActive, type NodeWord } from "../../pipelines/NodeState.ts";
import type { NodeStatus, RunStatus } from "../../pipelines/RunStatus.ts";
import { addFailure, type FailureGroups, groupLines } from "./failureGroups.ts";
import { duration } from "../../schemas/quantity.ts";
import { localTime, padEnd, plural, printableName } from "./format.ts";
import { bar, doing } from "./RunView.ts";
import { stateText } from "./runsText.ts";
import type { Style } from "./style.ts";

const fewPoints = 12;
const nodeCells = 32;

export const statusText = (status: RunStatus, now: number, style: Style): string => {
  const { nodes, summary, unreadable } = status;
  const stages = [...Map.groupBy(nodes, ({ stageName }) => stageName).values()];
  const lines = stages.flatMap((points) =>
    points.length <= fewPoints
      ? points.map((node) => one(node, now, style))
      : collapsed(points, now, style),
  );
  return [
    head(status, style),
    ...lines,
    ...groupLines(failuresOf(nodes), summary.run),
    ...(unreadable === 0
      ? []
      : [style.yellow(`  ! ${plural(unreadable, "line")} of its event log can't be read`)]),
  ].join("\n");
};

const head = ({ nodes, summary }: RunStatus, style: Style): string => {
  const { run, state, begun, seconds, overrides = [] } = summary;
  const edits = overrides.length === 0 ? "" : ` · ${overrides.map(printableName).join(" ")}`;
  const when = `begun ${localTime(begun)}, ${state === "running" ? "for" : "took"} ${duration(seconds)}`;
  return `${style.bold(run)} · ${stateText(state, style)} · ${when} · ${counted(nodes)}${edits}`;
};

/** In the order in which nodes go through them. */
const words: ReadonlyArray<NodeWord> = [
  "made",
  "cached",
  "reused",
  "running",
  "waiting",
  "retrying",
  "failed",
  "interrupted",
  "lost",
  "skipped",
  "not started",
];

const counted = (nodes: ReadonlyArray<NodeStatus>): string => {
  const counts = Map.groupBy(nodes, ({ state }) => state);
  return words
    .flatMap((word) => {
      const count = counts.get(word)?.length ?? 0;
      return count === 0 ? [] : [`${count} ${word}`];
    })
    .join(", ");
};

/** A stage of many points: how many are how, and by name those that somebody is at. */
const collapsed = (
  points: ReadonlyArray<NodeStatus>,
  now: number,
  style: Style,
): ReadonlyArray<string> => {
  const [first] = points;
  const name = `${first?.stageName}[${Object.keys(first?.labels ?? {}).join(" × ")}]`;
  const active = points.filter(isActive).toSorted(runningFirst);
  return [
    `    ${padEnd(printableName(name), nodeCells)} ${style.dim(counted(points))}`,
    ...active.slice(0, fewPoints).map((node) => one(node, now, style)),
    ...(active.length > fewPoints
      ? [style.dim(`    … and ${active.length - fewPoints} more at work or waiting`)]
      : []),
  ];
};

const runningFirst = (a: NodeStatus, b: NodeStatus): number =>
  Number(a.state !== "running") - Number(b.state !== "running");

const one = (node: NodeStatus, now: number, style: Style): string =>
  `  ${mark(node.state, style)} ${padEnd(printableName(node.node), nodeCells)} ${said(node, now, style)}`.trimEnd();

const mark = (state: NodeWord, style: Style): string => {
  switch (state) {
    case "made":
      return style.green("✓");
    case "cached":
    case "reused":
      return style.dim("=");
    case "running":
      return style.cyan("▸");
    case "waiting":
      return style.dim("…");
    case "retrying":
      return style.yellow("↻");
    case "failed":
      return style.red("✗");
    case "interrupted":
    case "lost":
      return style.yellow("■");
    case "skipped":
      return style.yellow("-");
    case "not started":
      return style.dim("·");
  }
};

const said = (node: NodeStatus, now: number, style: Style): string => {
  const took = node.seconds === undefined ? "" : `in ${duration(node.seconds)}`;
  const tries = (node.attempt ?? 1) > 1 ? `, try ${node.attempt}` : "";
  switch (node.state) {
    case "made":
      return `made ${took}${tries}${node.differs === undefined ? "" : style.yellow(" ≠ other bytes than the last time")}`;
    case "cached":
      return style.dim("cached");
    case "reused":
      return style.dim("found while the run went on");
    case "running":
      return `running ${bar(node, now)} ${doing(node)}${tries}`.trimEnd();
    case "waiting":
    case "retrying":
      return doing(node);
    case "failed":
      return `${style.red("failed")} after ${duration(node.seconds ?? 0)}${tries}${keptIn(node)}`;
    case "interrupted":
      return `interrupted${keptIn(node)}`;
    case "lost":
      return "was at work when the run was killed";
    case "skipped":
      return style.dim(`not run: ${printableName(node.because ?? "")} failed`);
    case "not started":
      return style.dim("not started");
  }
};

const keptIn = ({ kept }: NodeStatus): string =>
  kept === undefined || kept === "" ? "" : `, kept in ${printableName(kept)}`;

const failuresOf = (nodes: ReadonlyArray<NodeStatus>): FailureGroups => {
  let groups: FailureGroups = new Map();
  for (const { node, state, message = "" } of nodes)
    if (state === "failed") ({ groups } = addFailure(groups, { node, message }));
  return groups;
};
