/** Failures that are the same one met at many points: told once in full, and then counted. */
import { stageNameOf } from "../../pipelines/nodeName.ts";
import { shellWord } from "../../pipelines/commandLine.ts";
import { plural, printable, printableName } from "./format.ts";

export interface Failure {
  readonly node: string;
  readonly message: string;
  /** The last lines of its log, where they are known. */
  readonly logTail?: ReadonlyArray<string>;
}

export interface FailureGroup {
  readonly stage: string;
  /** As the first of them said it. */
  readonly message: string;
  readonly count: number;
  /** The first few. */
  readonly nodes: ReadonlyArray<string>;
  /** The ways in which their logs end, the first few, each with a node whose log ends so. */
  readonly endings: ReadonlyMap<string, { readonly line: string; readonly node: string }>;
}

export type FailureGroups = ReadonlyMap<string, FailureGroup>;

const namedNodes = 3;
const shownEndings = 4;
const shownGroups = 8;

const paths = /[^\s'"`(]*\/[^\s'"`)]*/gu;

/**
 * Failures are alike when nodes of one stage fail with messages that differ only in paths, such as those of their work
 * directories, and in numbers. An exit code is no such number: programs mean something by it.
 */
const likeness = ({ node, message }: Failure): string =>
  `${stageNameOf(node)}\n${message.replace(paths, "/").replace(/(?<!exit code \d*)\d+/gu, "0")}`;

/** Lines that differ only in numbers and in paths end a log the same way. */
const shapeOf = (line: string): string => line.replace(paths, "/").replace(/\d+/gu, "0");

export const addFailure = (
  groups: FailureGroups,
  failure: Failure,
): { readonly groups: FailureGroups; readonly isFirst: boolean } => {
  const like = likeness(failure);
  const known = groups.get(like);
  const { node, message } = failure;
  const { count = 0, nodes = [], endings = new Map() } = known ?? {};
  const line = failure.logTail?.at(-1)?.trim() ?? "";
  const isNewEnding = endings.size < shownEndings && !endings.has(shapeOf(line));
  const group: FailureGroup = {
    stage: stageNameOf(node),
    message: known?.message ?? message,
    count: count + 1,
    nodes: nodes.length < namedNodes ? [...nodes, node] : nodes,
    endings: isNewEnding ? new Map(endings).set(shapeOf(line), { line, node }) : endings,
  };
  return { groups: new Map(groups).set(like, group), isFirst: known === undefined };
};

/** The largest groups, a line or a few for each, and how many more there are. */
export const groupLines = (groups: FailureGroups, run: string): ReadonlyArray<string> => {
  const bySize = [...groups.values()].toSorted((a, b) => b.count - a.count);
  const others = bySize.slice(shownGroups);
  const points = others.reduce((sum, { count }) => sum + count, 0);
  return [
    ...bySize.slice(0, shownGroups).flatMap((group) => linesOf(group, run)),
    ...(others.length === 0
      ? []
      : [`  … and ${plural(points, "node")} that failed in ${others.length} other ways`]),
  ];
};

/** How many, why, which, how their logs differ, and how to see one. */
const linesOf = (
  { stage, message, count, nodes, endings }: FailureGroup,
  run: string,
): ReadonlyArray<string> => {
  const [first = ""] = nodes;
  const why = printableName(message.split("\n", 1)[0] ?? "");
  if (count === 1)
    return [`  ${printableName(first)} failed: ${why}`, `    its log: ${logsCommand(run, first)}`];
  const others = count > nodes.length ? `, … and ${count - nodes.length} more` : "";
  const differing = [...endings.values()].map(
    ({ line, node }) => `      ${printableName(node)}: ${printable(line)}`,
  );
  return [
    `  ${plural(count, "point")} of ${stage} failed alike: ${why}`,
    `    ${nodes.map(printableName).join(", ")}${others}`,
    ...(differing.length > 1 ? ["    but not all of their logs end alike:", ...differing] : []),
    `    the log of each: ${logsCommand(run, first)}`,
  ];
};

export const logsCommand = (run: string, node: string): string =>
  `npx pipe logs ${shellWord(`${run}/${node}`)}`;
