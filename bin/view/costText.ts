/** The model's costs of a plan: a line for each stage that is due, their sum, and how far the model is from what was measured. */
import {
  type Comparison,
  type CostAssumptions,
  type CostEstimate,
  isUnknown,
  type NodeCost,
  type StageCost,
} from "../../pipelines/plan/CostEstimate.ts";
import type { Node } from "../../pipelines/experiment/Node.ts";
import { padEnd, padStart, plural, printableName, shorten } from "../../kinds/terminal.ts";
import { bytesText, duration } from "../../schemas/quantity.ts";
import { gpus } from "../../stages/cost/Machine.ts";

export const costLines = ({ assumptions, stages }: CostEstimate): ReadonlyArray<string> => {
  const due = stages.filter((stage) => stage.due.length > 0);
  const comparisons = stages.flatMap(({ name, measured }) =>
    measured === undefined ? [] : [comparisonText(name, measured)],
  );
  return [
    ...(due.length === 0
      ? []
      : [
          `cost (estimate): ${assumptionText(assumptions)}`,
          columns("stage", "nodes", "tokens", "hours", "memory", "disk"),
          ...due.map(stageLine),
          ...(due.length === 1 ? [] : [sumLine(due)]),
          ...due.flatMap((stage) => tooLargeText(stage, assumptions)),
        ]),
    ...unknownLines(stages),
    ...comparisons,
  ];
};

/** A line for each reason, since the stages of a study mostly share one. */
const unknownLines = (stages: ReadonlyArray<StageCost>): ReadonlyArray<string> => {
  const byReason = Map.groupBy(
    stages.filter(({ unknown }) => unknown !== undefined),
    ({ unknown }) => `${unknown?.unknown} is unknown; ${unknown?.fix}`,
  );
  return Array.from(
    byReason,
    ([reason, alike]) =>
      `no cost of ${alike.map(({ name }) => printableName(name)).join(", ")}: ${reason}`,
  );
};

const assumptionText = ({ gpu, responseTokens }: CostAssumptions): string =>
  `${gpu} (--gpu), ${responseTokens === undefined ? "responses as long as allowed (--tokens N)" : `responses of ${responseTokens} tokens`}`;

const columns = (...[name = "", ...values]: ReadonlyArray<string>): string => {
  const widths = [7, 8, 14, 9, 9];
  return `  ${padEnd(shorten(name, 22), 22)}${values.map((value, at) => padStart(value, widths[at] ?? 0)).join("")}`.trimEnd();
};

const stageLine = ({ name, isOnGpu, due }: StageCost): string =>
  columns(
    printableName(name),
    String(due.length),
    count(sumOf(due.map(({ tokens }) => tokens))),
    hours(sumOf(due.map(({ deviceHours }) => deviceHours)), isOnGpu),
    bytes(Math.max(...due.map(({ memory }) => memory))),
    bytes(sumOf(due.map(({ disk }) => disk))),
  );

const sumLine = (stages: ReadonlyArray<StageCost>): string => {
  const all = stages.flatMap(({ due }) => due);
  const onGpu = stages.filter(({ isOnGpu }) => isOnGpu);
  const counted = onGpu.length > 0 ? onGpu : stages;
  return columns(
    "in sum, most memory",
    String(all.length),
    count(sumOf(all.map(({ tokens }) => tokens))),
    hours(
      sumOf(counted.flatMap(({ due }) => due.map(({ deviceHours }) => deviceHours))),
      onGpu.length > 0,
    ),
    bytes(Math.max(...counted.flatMap(({ due }) => due.map(({ memory }) => memory)))),
    bytes(sumOf(all.map(({ disk }) => disk))),
  );
};

const tooLargeText = (
  { name, isOnGpu, due }: StageCost,
  { gpu }: CostAssumptions,
): ReadonlyArray<string> => {
  const has = gpus[gpu].memory ?? Infinity;
  const over = due.filter(({ memory }) => memory > has);
  return isOnGpu && over.length > 0
    ? [
        `  ${printableName(name)}: ${over.length} of ${plural(due.length, "node")} may not fit: an ${gpu} has ${bytesText(has)}`,
      ]
    : [];
};

const comparisonText = (
  name: string,
  { nodes, measuredSeconds, modelSeconds, measuredMemory, modelMemory }: Comparison,
): string => {
  const memory =
    measuredMemory === undefined
      ? ""
      : `, memory ${bytesText(measuredMemory)} (${errorText(modelMemory / measuredMemory)})`;
  return `earlier runs of ${printableName(name)}: ${duration(measuredSeconds)} (model ${errorText(modelSeconds / measuredSeconds)})${memory}, n = ${nodes}`;
};

/** `-22 %` where the model says 0.78 of what was measured. */
const errorText = (ratio: number): string =>
  `${ratio < 1 ? "-" : "+"}${Math.abs(Math.round(100 * (ratio - 1)))} %`;

const sumOf = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0);

const twoDigits = (value: number): string => String(Number(value.toPrecision(2)));

const hours = (value: number, isOnGpu: boolean): string =>
  value === 0 ? "" : `${twoDigits(value)} ${isOnGpu ? "GPU" : "core"}`;

const bytes = (value: number): string => (value === 0 ? "" : bytesText(value));

const count = (value: number): string => {
  if (value === 0) return "";
  const [divisor, unit] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  return `${twoDigits(value / divisor)} ${unit}`;
};

/** For `--json`; null where the stage has no model of its cost. */
export const costJson = (node: Node, { assumptions, costOf }: CostEstimate) => {
  const cost = costOf.get(node);
  if (cost === undefined) return null;
  if (isUnknown(cost)) return cost;
  return { ...quantities(cost, node), assumes: assumptionsJson(assumptions, node) };
};

const quantities = ({ seconds, tokens, memory, disk }: NodeCost, { resources }: Node) => ({
  seconds,
  gpuHours: (seconds / 3600) * resources.gpus * (resources.nodes ?? 1),
  tokens,
  memoryBytes: memory,
  diskBytes: disk,
});

const assumptionsJson = ({ gpu, responseTokens }: CostAssumptions, { resources }: Node) => ({
  ...(resources.gpus > 0 ? { gpu } : {}),
  responseTokens: responseTokens ?? "as allowed",
});
