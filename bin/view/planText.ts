/**
 * A plan for the terminal: a line for each node, or, for a stage with many, a line for the stage and the counted reasons
 * of its due nodes; then the estimated time.
 */
import type { Node } from "../../pipelines/experiment/Node.ts";
import type { Because, Plan, PlannedNode } from "../../pipelines/plan/Plan.ts";
import type { Prediction } from "../../pipelines/plan/predictSeconds.ts";
import type { TimeEstimate } from "../../pipelines/plan/TimeEstimate.ts";
import type { CostEstimate } from "../../pipelines/plan/CostEstimate.ts";
import type { LastFailure } from "../../pipelines/history/lastFailures.ts";
import type { Explanation } from "../../pipelines/plan/Explanation.ts";
import { explanationText } from "./causeText.ts";
import { costLines } from "./costText.ts";
import { isNewPoint, newPointText } from "./newPoints.ts";
import { renderNote } from "./diagnostics.ts";
import { duration } from "../../schemas/quantity.ts";
import { padEnd, plural, printableName, type Style } from "../../kinds/terminal.ts";
import { labelsText } from "../../schemas/labels.ts";

const fewPoints = 12;
const fewReasons = 8;

export interface ShownPlan {
  readonly plan: Plan;
  readonly explanations: ReadonlyMap<Node, Explanation>;
  readonly prediction: TimeEstimate;
  readonly cost: CostEstimate;
  readonly failures: ReadonlyMap<Node, LastFailure>;
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
  const totals = `${plural(plan.nodes.length, "node")}: ${count("cached")} cached, ${count("run")} to run, ${count("may-run")} pending`;
  const notes = plan.notes.map((note) => renderNote(note, style));
  return [
    style.bold(plan.experiment),
    ...lines,
    totals,
    ...timeLines(shown),
    ...costLines(shown.cost),
    ...notes,
  ].join("\n");
};

const one = (planned: PlannedNode, shown: ShownPlan, style: Style): string => {
  const { node, status } = planned;
  const predicted = status === "cached" ? undefined : shown.prediction.secondsOf.get(node);
  const time = predicted === undefined ? "" : ` · ${about(predicted)}`;
  return `  ${mark(status, style)} ${padEnd(printableName(node.name), 36)} ${padEnd(node.stage.name, 10)} ${style.dim(printableName(`${whyText(planned, shown)}${time}`))}`;
};

const whyText = (planned: PlannedNode, shown: ShownPlan): string => {
  const explanation = shown.explanations.get(planned.node);
  const plain = reasonText(planned.because);
  const reason = explanation === undefined ? plain : explanationText(explanation, plain);
  const failure = failureText(planned, shown);
  return failure === undefined ? reason : `${failure}; ${reason}`;
};

export const reasonText = (because: Because): string => {
  switch (because._tag) {
    case "Found":
      return because.by === "recipe" ? "made before" : "made before from equal inputs";
    case "NotNeeded":
      return "made before; its files were collected, and no due node needs them";
    case "New":
      return "not made yet";
    case "Gone":
      return because.how === "collected" ? "its files were collected" : "its files are damaged";
    case "Forced":
      return "forced";
    case "Waits":
      return `needs ${because.for[0]?.name ?? ""}${because.for.length > 1 ? ` and ${because.for.length - 1} more` : ""}`;
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
    return count === 0 ? [] : [`${count} ${statusWord[status]}`];
  });
  const due = nodes.filter(({ status }) => status !== "cached");
  const earlier = nodes.filter((planned) => !isNew(planned, shown)).map(({ node }) => node);
  const predicted = due.flatMap(({ node }) => shown.prediction.secondsOf.get(node) ?? []);
  const time = predicted.length === 0 ? "" : ` · ${about(sumOf(predicted))} in all`;
  const head = `  ${" ".repeat(7)} ${padEnd(`${name}[${axes}]`, 36)} ${padEnd(nodes[0]?.node.stage.name ?? "", 10)} ${style.dim(`${parts.join(", ")}${time}`)}`;
  const groups = groupsOf(
    due,
    (planned) => `${statusWord[planned.status]}: ${groupText(planned, shown, earlier)}`,
  );
  const lines = groups.slice(0, fewReasons).map(([text, members]) => {
    const common = commonLabels(members, nodes);
    const where = common === "" ? "" : ` [${common}]`;
    const [status = "", ...rest] = text.split(": ");
    return style.dim(
      printableName(`${" ".repeat(12)}${members.length} ${status}${where}: ${rest.join(": ")}`),
    );
  });
  const left = groups.slice(fewReasons).reduce((sum, [, members]) => sum + members.length, 0);
  return [
    head,
    ...lines,
    ...(left === 0
      ? []
      : [style.dim(`${" ".repeat(12)}${left} more; pipe why names the reason of each`)]),
  ];
};

/** Points that need different nodes of one stage share a text. */
const groupText = (
  planned: PlannedNode,
  shown: ShownPlan,
  earlier: ReadonlyArray<Node>,
): string => {
  const { because } = planned;
  const failure = failureText(planned, shown);
  if (failure !== undefined) return failure;
  if (isNew(planned, shown)) return newPointText(planned.node, earlier);
  const explanation = shown.explanations.get(planned.node);
  const plain =
    because._tag === "Waits"
      ? `needs ${[...new Set(because.for.map(({ stageName }) => stageName))].join(", ")}`
      : reasonText(because);
  return explanation === undefined ? plain : explanationText(explanation, plain);
};

const isNew = ({ node }: PlannedNode, { explanations }: ShownPlan): boolean =>
  isNewPoint(explanations.get(node));

/** `failed last time in study-3: the command ended with exit code 1`. */
const failureText = ({ node }: PlannedNode, { failures }: ShownPlan): string | undefined => {
  const failure = failures.get(node);
  return failure === undefined ? undefined : lastFailureText(failure);
};

export const lastFailureText = ({ run, message }: LastFailure): string =>
  `failed last time in ${run}${message === undefined ? "" : `: ${message.split("\n", 1)[0]}`}`;

/** Groups by equal text, the largest first. */
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

/** The labels that all members share and some other points of the stage do not have. */
const commonLabels = (
  members: ReadonlyArray<PlannedNode>,
  all: ReadonlyArray<PlannedNode>,
): string => {
  const haveAll = (nodes: ReadonlyArray<PlannedNode>, axis: string, label: string) =>
    nodes.every(({ node }) => node.labels[axis] === label);
  const common = Object.entries(members[0]?.node.labels ?? {}).filter(
    ([axis, label]) => haveAll(members, axis, label) && !haveAll(all, axis, label),
  );
  return labelsText(Object.fromEntries(common));
};

const timeLines = ({ plan, prediction, cost, jobs }: ShownPlan): ReadonlyArray<string> => {
  const { secondsOf, work, elapsed, gpuHours, savedSeconds } = prediction;
  const modelled = new Set(cost.stages.filter(({ due }) => due.length > 0).map(({ name }) => name));
  const unknown = prediction.unknown.filter((name) => !modelled.has(name));
  const due = plan.nodes.filter(({ status }) => status !== "cached");
  const mayRun = due.some(({ status }) => status === "may-run");
  const gpus = gpuHours === 0 ? "" : `, ${gpuHoursText(gpuHours)} GPU-hours`;
  const predicted =
    secondsOf.size === 0
      ? []
      : [
          `estimate: ${about(work)} of work, ${about(elapsed)} with ${plural(jobs, "job")}${gpus}${mayRun ? ", if every pending node runs" : ""}`,
        ];
  return [
    ...predicted,
    ...(unknown.length === 0
      ? []
      : [`no estimate yet for ${printableName(unknown.join(", "))} (never run here)`]),
    ...(due.length === plan.nodes.length ? [] : [`the cache saves ${duration(savedSeconds)}`]),
  ];
};

const sumOf = (predictions: ReadonlyArray<Prediction>): Prediction =>
  predictions.reduce((sum, { seconds, low, high }) => ({
    seconds: sum.seconds + seconds,
    low: sum.low + low,
    high: sum.high + high,
  }));

const about = ({ seconds, low, high }: Prediction): string =>
  `about ${rough(seconds)} (${rough(low)}–${rough(high)})`;

/** With no more digits than a prediction is worth. */
const rough = (seconds: number): string => {
  if (seconds < 90) return duration(Number(seconds.toPrecision(2)));
  return seconds < 5400
    ? `${Math.round(seconds / 60)} m`
    : `${Number((seconds / 3600).toPrecision(2))} h`;
};

const gpuHoursText = (hours: number): string => String(Number(hours.toPrecision(2)));

const statusWord = { cached: "cached", run: "run", "may-run": "pending" } as const;

const mark = (status: PlannedNode["status"], style: Style): string => {
  const color = { cached: style.dim, run: style.green, "may-run": style.yellow }[status];
  return color(statusWord[status].padEnd("pending".length));
};
