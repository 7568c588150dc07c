/** Failures that are the same one met at many points: told once in full, and then counted. */
import { stageNameOf } from "../../pipelines/NodeState.ts";
import { plural, printable, printableName, shellWord } from "./format.ts";

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

/**
 * Failures are alike when nodes of one stage fail with one message. Paths don't count, since those of work directories
 * differ always; numbers do, since one may be an exit code.
 */
const likeness = ({ node, message }: Failure): string =>
  `${stageNameOf(node)}\n${message.replace(/[^\s'"`(]*\/[^\s'"`)]*/gu, "/")}`;

/** Lines that differ only in numbers and in paths end a log the same way. */
const shapeOf = (line: string): string =>
  line.replace(/[^\s]*\/[^\s]*/gu, "/").replace(/\d+/gu, "0");

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

/** A line or a few for each group: how many, why, which, how their logs differ, and how to see one. */
export const groupLines = (groups: FailureGroups, run: string): ReadonlyArray<string> =>
  [...groups.values()].flatMap(({ stage, message, count, nodes, endings }) => {
    const [first = ""] = nodes;
    const why = printableName(message.split("\n", 1)[0] ?? "");
    const others = count > nodes.length ? `, … and ${count - nodes.length} more` : "";
    const see = `    its log: ${logsCommand(run, first)}`;
    if (count === 1) return [`  ${printableName(first)} failed: ${why}`, see];
    return [
      `  ${plural(count, "point")} of ${stage} failed alike: ${why}`,
      `    ${nodes.map(printableName).join(", ")}${others}`,
      ...(endings.size > 1 ? ["    but not all of their logs end alike:"] : []),
      ...(endings.size > 1
        ? [...endings.values()].map(
            ({ line, node }) => `      ${printableName(node)}: ${printable(line)}`,
          )
        : []),
      `    the log of each: ${logsCommand(run, first)}`,
    ];
  });

export const logsCommand = (run: string, node: string): string =>
  `npx pipe logs ${shellWord(`${run}/${node}`)}`;
