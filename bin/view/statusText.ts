/** The status of a run: its nodes, counted by stage where they are many, then its failures. */
import { isActive, type NodeStateName } from "../../pipelines/history/NodeState.ts";
import type { NodeStatus, RunStatus } from "../../pipelines/history/RunStatus.ts";
import { addFailure, type FailureGroups, groupLines } from "./failureGroups.ts";
import { duration } from "../../schemas/quantity.ts";
import { localTime } from "./format.ts";
import { interruptedText } from "./interruptedText.ts";
import { padEnd, plural, printableName, type Style } from "../../kinds/terminal.ts";
import { activityText, bar, elapsed, shareDone } from "./nodeActivity.ts";
import { stateText } from "./runsText.ts";

import { flagTexts } from "../../pipelines/experiment/commandLine.ts";
import { noOverrides } from "../../schemas/Overrides.ts";

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
  const { run, state, begun, seconds, overrides = noOverrides } = summary;
  const flags = flagTexts(overrides).map(printableName);
  const edits = flags.length === 0 ? "" : ` · ${flags.join(" ")}`;
  const when = `started ${localTime(begun)}, ${state === "running" ? "for" : "took"} ${duration(seconds)}`;
  return `${style.bold(run)} · ${stateText(state, style)} · ${when} · ${counted(nodes)}${edits}`;
};

/** The order of the counts. */
const stateNames: ReadonlyArray<NodeStateName> = [
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
  return stateNames
    .flatMap((word) => {
      const count = counts.get(word)?.length ?? 0;
      return count === 0 ? [] : [`${count} ${word}`];
    })
    .join(", ");
};

/** A stage with many points: counts by state, and the active points by name. */
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
      ? [style.dim(`    … and ${active.length - fewPoints} more running or waiting`)]
      : []),
  ];
};

const runningFirst = (a: NodeStatus, b: NodeStatus): number =>
  Number(a.state !== "running") - Number(b.state !== "running");

const one = (node: NodeStatus, now: number, style: Style): string =>
  `  ${mark(node.state, style)} ${padEnd(printableName(node.node), nodeCells)} ${detailsText(node, now, style)}`.trimEnd();

const mark = (state: NodeStateName, style: Style): string => {
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

const detailsText = (node: NodeStatus, now: number, style: Style): string => {
  const took = node.seconds === undefined ? "" : `in ${duration(node.seconds)}`;
  const attempts = (node.attempt ?? 1) > 1 ? `, attempt ${node.attempt}` : "";
  switch (node.state) {
    case "made":
      return `made ${took}${attempts}${node.differs === undefined ? "" : style.yellow(" ≠ differs from the earlier result")}`;
    case "cached":
      return style.dim("cached");
    case "reused":
      return style.dim("found in the store during the run");
    case "running":
      return `running ${runningText(node, now)}${attempts}`.trimEnd();
    case "waiting":
    case "retrying":
      return activityText(node, now);
    case "failed":
      return `${style.red("failed")} after ${duration(node.seconds ?? 0)}${attempts}${keptIn(node)}`;
    case "interrupted":
      return `${interruptedText(node.leaves)}${keptIn(node)}`;
    case "lost":
      return "running when the run was killed";
    case "skipped":
      return style.dim(`skipped: ${printableName(node.because ?? "")} failed`);
    case "not started":
      return style.dim("not started");
  }
};

const runningText = (node: NodeStatus, now: number): string => {
  const share = shareDone(node);
  const cells = share === undefined ? "" : `${bar(share, 16)} `;
  return `${cells}${duration(elapsed(node, now))}  ${activityText(node, now)}`;
};

const keptIn = ({ kept }: NodeStatus): string =>
  kept === undefined || kept === "" ? "" : `, files in ${printableName(kept)}`;

const failuresOf = (nodes: ReadonlyArray<NodeStatus>): FailureGroups => {
  let groups: FailureGroups = new Map();
  for (const { node, state, message = "" } of nodes)
    if (state === "failed") ({ groups } = addFailure(groups, { node, message }));
  return groups;
};
