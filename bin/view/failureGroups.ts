/** Groups of equal failures at many points of a stage: the first is shown in full, the others are counted. */
import { stageNameOf } from "../../pipelines/experiment/nodeName.ts";
import { shellWord } from "../../pipelines/experiment/commandLine.ts";
import { plural, printable, printableName } from "../../kinds/terminal.ts";

export interface Failure {
  readonly node: string;
  readonly message: string;
  /** The last lines of its log, if known. */
  readonly logTail?: ReadonlyArray<string>;
}

export interface FailureGroup {
  readonly stage: string;
  /** The message of the first failure. */
  readonly message: string;
  readonly count: number;
  /** The first few. */
  readonly nodes: ReadonlyArray<string>;
  /** The first few different last lines of their logs, each with a node. */
  readonly endings: ReadonlyMap<string, { readonly line: string; readonly node: string }>;
}

export type FailureGroups = ReadonlyMap<string, FailureGroup>;

const namedNodes = 3;
const shownEndings = 4;
const shownGroups = 8;

const paths = /[^\s'"`(]*\/[^\s'"`)]*/gu;

/** Equal for messages of one stage that differ only in paths and numbers. Exit codes count, since they have a meaning. */
const groupKey = ({ node, message }: Failure): string =>
  `${stageNameOf(node)}\n${message.replace(paths, "/").replace(/(?<!exit code \d*)\d+/gu, "0")}`;

/** Equal for lines that differ only in numbers and paths. */
const shapeOf = (line: string): string => line.replace(paths, "/").replace(/\d+/gu, "0");

export const addFailure = (
  groups: FailureGroups,
  failure: Failure,
): { readonly groups: FailureGroups; readonly isFirst: boolean } => {
  const key = groupKey(failure);
  const known = groups.get(key);
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
  return { groups: new Map(groups).set(key, group), isFirst: known === undefined };
};

/** The largest groups, some lines for each, and the number of others. */
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

/** A line for each group with failures that were counted and not shown. */
export const repeatedFailures = (failures: FailureGroups): ReadonlyArray<string> =>
  [...failures.values()]
    .filter(({ count }) => count > 1)
    .map(({ count, stage, message }) => {
      const others = `${plural(count - 1, "more point")} of ${stage}`;
      return `${others} failed the same way: ${printableName(message.split("\n", 1)[0] ?? "")}`;
    });

/** The number, the message, some nodes, the different ends of their logs, and the command for a log. */
const linesOf = (
  { stage, message, count, nodes, endings }: FailureGroup,
  run: string,
): ReadonlyArray<string> => {
  const [first = ""] = nodes;
  const why = printableName(message.split("\n", 1)[0] ?? "");
  if (count === 1)
    return [`  ${printableName(first)} failed: ${why}`, `    log: ${logsCommand(run, first)}`];
  const others = count > nodes.length ? `, … and ${count - nodes.length} more` : "";
  const differing = [...endings.values()].map(
    ({ line, node }) => `      ${printableName(node)}: ${printable(line)}`,
  );
  return [
    `  ${plural(count, "point")} of ${stage} failed the same way: ${why}`,
    `    ${nodes.map(printableName).join(", ")}${others}`,
    ...(differing.length > 1 ? ["    their logs end differently:", ...differing] : []),
    `    log of the first: ${logsCommand(run, first)}`,
  ];
};

export const logsCommand = (run: string, node: string): string =>
  `npx pipe logs ${shellWord(`${run}/${node}`)}`;
