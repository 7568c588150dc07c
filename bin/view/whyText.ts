/** Why a node is due, root cause first, or how it was found and who made it. */
import type { Cause } from "../../pipelines/Cause.ts";
import type { Made } from "../../cache/History.ts";
import type { PlannedNode } from "../../pipelines/Plan.ts";
import { spanOf } from "../../pipelines/Source.ts";
import type { Explanation, Step } from "../../pipelines/Why.ts";
import { shortDigest } from "../../schemas/Digest.ts";
import { causeText } from "./causeText.ts";
import { duration } from "../../schemas/quantity.ts";
import { plural, printable, printableName } from "./format.ts";
import { groupsOf, reasonText } from "./planText.ts";
import type { Style } from "./style.ts";

export interface DueAnswer {
  readonly planned: PlannedNode;
  readonly explanation: Explanation;
  readonly causes: ReadonlyArray<{
    readonly cause: Cause;
    /** From the cause's node down to this one. */
    readonly way: ReadonlyArray<Step>;
    /** What the cause's node was compared with. */
    readonly against?: Made;
  }>;
}

export type Answer = DueAnswer | { readonly planned: PlannedNode; readonly made?: Made };

const fewPoints = 12;
const fewNames = 6;

/** Points with the same causes are told together. */
export const whyText = (answers: ReadonlyArray<Answer>, style: Style): string => {
  const due = answers.filter((answer): answer is DueAnswer => "causes" in answer);
  const cached = answers.filter((answer) => !("causes" in answer));
  const groups = groupsOf(due, ({ planned, causes }) =>
    [planned.status, ...causes.map(({ cause }) => cause.key)].join("\n"),
  );
  const blocks = [
    ...groups.map(([, members]) => dueText(members, style)),
    ...cached.slice(0, fewPoints).map((answer) => cachedText(answer, style)),
    ...(cached.length > fewPoints
      ? [`and ${plural(cached.length - fewPoints, "other cached node")}`]
      : []),
  ];
  return blocks.join("\n\n");
};

const dueText = (members: ReadonlyArray<DueAnswer>, style: Style): string => {
  const [first] = members;
  if (first === undefined) return "";
  const { planned, explanation, causes } = first;
  const status = planned.status === "run" ? style.green("to run") : style.yellow("may run");
  const names = members.slice(0, fewNames).map((member) => member.planned.node.name);
  const others = members.length > names.length ? ` and ${members.length - names.length} more` : "";
  const head = `${style.bold(printableName(names.join(", ")))}${others}: ${status}`;
  return [
    head,
    ...causes.flatMap((each) => causeLines(each, style)),
    ...(explanation.more ? ["  and other causes"] : []),
    ...(planned.because._tag === "Waits"
      ? [
          style.dim(
            `  ${printableName(reasonText(planned.because))}; made only if something other comes out there`,
          ),
        ]
      : []),
  ].join("\n");
};

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

const wayText = (way: ReadonlyArray<Step>): string => {
  const names = way.slice(1).map(({ explanation: { planned } }) => planned.node.name);
  return names.length <= fewSteps
    ? names.join(" → ")
    : [...names.slice(0, 3), `… ${names.length - 6} more …`, ...names.slice(-3)].join(" → ");
};

/** `model[seed=0] of study, made in run study-1, 2026-08-01 12:00:00 UTC`. */
const madeText = ({ action, run }: Made): string => {
  const where = run === undefined ? "" : `, made in run ${run}`;
  return `${action.node} of ${action.experiment}${where}, ${momentText(action.finishedAt)}`;
};

const momentText = (iso: string): string => iso.replace("T", " ").replace(/(?:\.\d+)?Z$/u, " UTC");

const cachedText = (
  { planned, made }: { readonly planned: PlannedNode; readonly made?: Made },
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

const howFound = ({ because }: PlannedNode, { isAdopted }: Made): string => {
  if (because._tag === "NotNeeded") return reasonText(because);
  return isAdopted || (because._tag === "Found" && because.by === "content")
    ? "found by content: what is above it was asked otherwise, and came out the same"
    : "found by recipe: the same was asked before";
};
