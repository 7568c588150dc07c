/**
 * A plan for the terminal: a line a node, or, where a stage has many, a line a stage and below it the reasons of what is
 * due, equal ones counted; then what it will take.
 */
import type { Node } from "../../pipelines/Compile.ts";
import type { Because, Plan, PlannedNode } from "../../pipelines/Plan.ts";
import type { Prediction } from "../../pipelines/Prediction.ts";
import type { Explanation } from "../../pipelines/Why.ts";
import { explanationText } from "./causeText.ts";
import { duration } from "../../schemas/quantity.ts";
import { padEnd, plural, printableName } from "./format.ts";
import type { Style } from "./style.ts";

const fewPoints = 12;
const fewReasons = 8;

export interface ShownPlan {
  readonly plan: Plan;
  readonly explanations: ReadonlyMap<Node, Explanation>;
  readonly prediction: Prediction;
  readonly jobs: number;
}

export const planText = (shown: ShownPlan, style: Style): string => {
  const { plan } = shown;
  const stages = new Map<string, Array<PlannedNode>>();
  for (const planned of plan.nodes) {
    const known = stages.get(planned.node.stageName);
    if (known === undefined) stages.set(planned.node.stageName, [planned]);
    else known.push(planned);
  }
  const lines = [...stages].flatMap(([name, nodes]) =>
    nodes.length <= fewPoints
      ? nodes.map((planned) => one(planned, shown, style))
      : collapsed(name, nodes, shown, style),
  );
  const count = (status: PlannedNode["status"]) =>
    plan.nodes.filter((planned) => planned.status === status).length;
  const totals = `${plural(plan.nodes.length, "node")}: ${count("cached")} cached, ${count("run")} to run, ${count("may-run")} that may run`;
  return [style.bold(plan.experiment), ...lines, totals, ...timeLines(shown)].join("\n");
};

const one = (planned: PlannedNode, shown: ShownPlan, style: Style): string => {
  const { node, status } = planned;
  const seconds = status === "cached" ? undefined : shown.prediction.secondsOf.get(node.stageName);
  const time = seconds === undefined ? "" : ` · ${about(seconds)}`;
  return `  ${mark(status, style)} ${padEnd(printableName(node.name), 36)} ${padEnd(node.stage.name, 10)} ${style.dim(printableName(`${whyText(planned, shown)}${time}`))}`;
};

const whyText = (planned: PlannedNode, { explanations }: ShownPlan): string => {
  const explanation = explanations.get(planned.node);
  const plain = reasonText(planned.because);
  return explanation === undefined ? plain : explanationText(explanation, plain);
};

export const reasonText = (because: Because): string => {
  switch (because._tag) {
    case "Found":
      return because.by === "recipe" ? "made before" : "made before from equal inputs";
    case "NotNeeded":
      return "made before; its files were collected, and nothing due needs them";
    case "New":
      return "not made yet";
    case "Gone":
      return because.how === "collected" ? "its files were collected" : "its files are damaged";
    case "Forced":
      return "forced";
    case "Waits":
      return `waits for ${because.for[0]?.name ?? ""}${because.for.length > 1 ? ` and ${because.for.length - 1} more` : ""}`;
  }
};

const collapsed = (
  name: string,
  nodes: ReadonlyArray<PlannedNode>,
  shown: ShownPlan,
  style: Style,
): ReadonlyArray<string> => {
  const axes = Object.keys(nodes[0]?.node.labels ?? {}).join(" × ");
  const parts = (["cached", "run", "may-run"] as const).flatMap((status) => {
    const count = nodes.filter((planned) => planned.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  const due = nodes.filter(({ status }) => status !== "cached");
  const seconds = due.length === 0 ? undefined : shown.prediction.secondsOf.get(name);
  const time =
    seconds === undefined ? "" : ` · ${about(seconds)} each, ${about(seconds * due.length)} in all`;
  const head = `  ${" ".repeat(7)} ${padEnd(`${name}[${axes}]`, 36)} ${padEnd(nodes[0]?.node.stage.name ?? "", 10)} ${style.dim(`${parts.join(", ")}${time}`)}`;
  const groups = groupsOf(due, (planned) => `${planned.status}: ${groupText(planned, shown)}`);
  const lines = groups.slice(0, fewReasons).map(([text, members]) => {
    const common = commonLabels(members, nodes);
    const where = common === "" ? "" : ` [${common}]`;
    const [status = "", ...rest] = text.split(": ");
    return style.dim(
      printableName(`${" ".repeat(12)}${members.length} ${status}${where}: ${rest.join(": ")}`),
    );
  });
  const left = groups.length - lines.length;
  return [
    head,
    ...lines,
    ...(left === 0 ? [] : [style.dim(`${" ".repeat(12)}and ${plural(left, "other reason")}`)]),
  ];
};

/** What points wait for differs from one to the next; that they wait for a stage does not. */
const groupText = (planned: PlannedNode, shown: ShownPlan): string => {
  const { because } = planned;
  const explanation = shown.explanations.get(planned.node);
  const plain =
    because._tag === "Waits"
      ? `waits for ${[...new Set(because.for.map(({ stageName }) => stageName))].join(", ")}`
      : reasonText(because);
  return explanation === undefined ? plain : explanationText(explanation, plain);
};

/** Those with equal texts together, the most of a kind first. */
export const groupsOf = <A>(
  members: ReadonlyArray<A>,
  textOf: (member: A) => string,
): ReadonlyArray<readonly [text: string, members: ReadonlyArray<A>]> => {
  const groups = new Map<string, Array<A>>();
  for (const member of members) {
    const text = textOf(member);
    const known = groups.get(text);
    if (known === undefined) groups.set(text, [member]);
    else known.push(member);
  }
  return [...groups].toSorted(([, one], [, other]) => other.length - one.length);
};

/** The labels that all members share, and that not every point of the stage has. */
const commonLabels = (
  members: ReadonlyArray<PlannedNode>,
  all: ReadonlyArray<PlannedNode>,
): string => {
  const haveAll = (nodes: ReadonlyArray<PlannedNode>, axis: string, label: string) =>
    nodes.every(({ node }) => node.labels[axis] === label);
  return Object.entries(members[0]?.node.labels ?? {})
    .filter(([axis, label]) => haveAll(members, axis, label) && !haveAll(all, axis, label))
    .map(([axis, label]) => `${axis}=${label}`)
    .join(",");
};

const timeLines = ({ plan, prediction, jobs }: ShownPlan): ReadonlyArray<string> => {
  const { secondsOf, seconds, elapsedSeconds, gpuHours, unknown, savedSeconds } = prediction;
  const due = plan.nodes.filter(({ status }) => status !== "cached");
  const mayRun = due.some(({ status }) => status === "may-run");
  const gpus = gpuHours === 0 ? "" : `, ${gpuHoursText(gpuHours)} GPU-hours`;
  const predicted =
    secondsOf.size === 0
      ? []
      : [
          `predicted: ${mayRun ? "at most " : ""}${about(seconds)} of work, ${about(elapsedSeconds)} with ${plural(jobs, "job")}${gpus}`,
        ];
  return [
    ...predicted,
    ...(unknown.length === 0
      ? []
      : [`no past says how long ${printableName(unknown.join(", "))} will take`]),
    ...(due.length === plan.nodes.length ? [] : [`the cache saves ${duration(savedSeconds)}`]),
  ];
};

/** What was measured in milliseconds is not worth a number. */
const about = (seconds: number): string =>
  seconds < 0.1 ? "under 0.1 s" : `about ${duration(seconds)}`;

const gpuHoursText = (hours: number): string => String(Number(hours.toPrecision(2)));

const mark = (status: PlannedNode["status"], style: Style): string => {
  switch (status) {
    case "cached":
      return style.dim("cached ");
    case "run":
      return style.green("run    ");
    case "may-run":
      return style.yellow("may-run");
  }
};
