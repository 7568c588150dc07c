/** Why a node is due, root cause first, or how it was found and which run made it. */
import type { Cause } from "../../pipelines/plan/Cause.ts";
import type { Node } from "../../pipelines/experiment/Node.ts";
import type { LastFailure } from "../../pipelines/history/lastFailures.ts";
import type { ActionOrigin } from "../../cache/History.ts";
import type { PlannedNode } from "../../pipelines/plan/Plan.ts";
import { spanOf } from "../../pipelines/experiment/Source.ts";
import type { CauseStep, Explanation } from "../../pipelines/plan/Explanation.ts";
import { shortDigest } from "../../schemas/Digest.ts";
import { causeText } from "./causeText.ts";
import { duration } from "../../schemas/quantity.ts";
import { plural, printable, printableName, type Style } from "../../kinds/terminal.ts";
import { logsCommand } from "./failureGroups.ts";
import { isNewPoint, newPointText } from "./newPoints.ts";
import { groupsOf, lastFailureText, reasonText } from "./planText.ts";

export interface DueAnswer {
  readonly planned: PlannedNode;
  readonly explanation: Explanation;
  readonly failure?: LastFailure;
  readonly causes: ReadonlyArray<{
    readonly cause: Cause;
    /** The path from the cause's node down to this one. */
    readonly way: ReadonlyArray<CauseStep>;
    /** The action that the cause's node was compared with. */
    readonly against?: ActionOrigin;
  }>;
}

export type Answer = DueAnswer | { readonly planned: PlannedNode; readonly made?: ActionOrigin };

const fewPoints = 12;
const fewNames = 6;

/** Points with equal causes are shown together. */
export const whyText = (answers: ReadonlyArray<Answer>, style: Style): string => {
  const due = answers.filter((answer): answer is DueAnswer => "causes" in answer);
  const cached = answers.filter((answer) => !("causes" in answer));
  const earlier = answers.filter((answer) => !isNew(answer)).map(({ planned }) => planned.node);
  const groups = groupsOf(due, (answer) => {
    const { planned, causes, failure } = answer;
    const why = isNew(answer)
      ? [newPointText(planned.node, earlier)]
      : causes.map(({ cause }) => cause.key);
    return [planned.status, failure === undefined ? "" : lastFailureText(failure), ...why].join(
      "\n",
    );
  });
  const blocks = [
    ...groups.map(([, members]) => dueText(members, earlier, style)),
    ...cached.slice(0, fewPoints).map((answer) => cachedText(answer, style)),
    ...(cached.length > fewPoints
      ? [`and ${plural(cached.length - fewPoints, "other cached node")}`]
      : []),
  ];
  return blocks.join("\n\n");
};

const isNew = (answer: Answer): boolean => "causes" in answer && isNewPoint(answer.explanation);

const dueText = (
  members: ReadonlyArray<DueAnswer>,
  earlier: ReadonlyArray<Node>,
  style: Style,
): string => {
  const [first] = members;
  if (first === undefined) return "";
  const { planned, explanation, causes, failure } = first;
  const status = planned.status === "run" ? style.green("to run") : style.yellow("pending");
  const names = members.slice(0, fewNames).map((member) => member.planned.node.name);
  const others = members.length > names.length ? ` and ${members.length - names.length} more` : "";
  const head = `${style.bold(printableName(names.join(", ")))}${others}: ${status}`;
  return [
    head,
    ...(failure === undefined ? [] : failureLines(failure, planned.node, style)),
    ...(members.length > 1 && isNew(first)
      ? [`  ${members.length} ${printableName(newPointText(planned.node, earlier))}; the first:`]
      : []),
    ...causes.flatMap((each) => causeLines(each, style)),
    ...(explanation.more ? ["  and other causes"] : []),
    ...(planned.because._tag === "Waits"
      ? [
          style.dim(
            `  ${printableName(reasonText(planned.because))}; runs only if that result changes`,
          ),
        ]
      : []),
  ].join("\n");
};

const failureLines = (failure: LastFailure, node: Node, style: Style): ReadonlyArray<string> => [
  `  ${printableName(lastFailureText(failure))}`,
  style.dim(`    log: ${logsCommand(failure.run, node.name)}`),
];

const causeLines = (
  { cause, way, against }: DueAnswer["causes"][number],
  style: Style,
): ReadonlyArray<string> => {
  const { file, line, text } = spanOf(cause.at);
  const shows = cause.reason._tag === "Param" && !file.startsWith("--");
  return [
    `  ${style.bold(printableName(cause.node.name))}: ${printable(causeText(cause))}`,
    ...(shows ? [style.dim(`    ${line} | ${printable(text.trim())}`)] : []),
    ...(way.length > 1 ? [`    reaches ${printableName(wayText(way))}`] : []),
    ...(against === undefined
      ? []
      : [style.dim(`    compared with ${printableName(madeText(against))}`)]),
  ];
};

const fewSteps = 8;

const wayText = (way: ReadonlyArray<CauseStep>): string => {
  const names = way.slice(1).map(({ explanation: { planned } }) => planned.node.name);
  return names.length <= fewSteps
    ? names.join(" → ")
    : [...names.slice(0, 3), `… ${names.length - 6} more …`, ...names.slice(-3)].join(" → ");
};

/** `model[seed=0] of study, made in run study-1, 2026-08-01 12:00:00 UTC`. */
const madeText = ({ action, run }: ActionOrigin): string => {
  const where = run === undefined ? "" : `, made in run ${run}`;
  return `${action.node} of ${action.experiment}${where}, ${momentText(action.finishedAt)}`;
};

const momentText = (iso: string): string => iso.replace("T", " ").replace(/(?:\.\d+)?Z$/u, " UTC");

const cachedText = (
  { planned, made }: { readonly planned: PlannedNode; readonly made?: ActionOrigin },
  style: Style,
): string => {
  const head = `${style.bold(printableName(planned.node.name))}: ${style.green("cached")}`;
  if (made === undefined) return `${head}\n  ${reasonText(planned.because)}`;
  const { cost, artifact } = made.action;
  return [
    head,
    `  ${howFound(planned, made)}`,
    `  ${printableName(madeText(made))}, in ${duration(cost.wallSeconds)}`,
    style.dim(`  artifact ${shortDigest(artifact)}`),
  ].join("\n");
};

const howFound = ({ because }: PlannedNode, { isAdopted }: ActionOrigin): string => {
  if (because._tag === "NotNeeded") return reasonText(because);
  return isAdopted || (because._tag === "Found" && because.by === "content")
    ? "found by content: upstream settings changed, but its inputs are the same"
    : "found by recipe: the same settings gave it before";
};
