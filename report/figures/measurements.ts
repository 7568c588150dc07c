/** Metrics of programs over an axis: single values as circles, means over repetitions as dots with their intervals. */
import { keptAxes } from "../../kinds/measurementsText.ts";
import { type Measurements, pooledRows } from "../../kinds/MeasurementsFile.ts";
import type { Labels } from "../ReportData.ts";
import { mostLines } from "./curves.ts";
import { exactly, pagePalette, roomFor } from "./draw.ts";

const height = 220;

/** Numbers that span this factor stand on a logarithmic axis. */
const wide = 100;

/** The axis that the values stand over, and the lines that the labels of the other axes make. */
export interface MeasuredAxes {
  readonly over: string;
  readonly isNumeric: boolean;
  readonly lines: ReadonlyArray<string>;
  readonly left: number;
}

/** Values stand over the first axis of numbers, or the first axis. Undefined where nothing varies. */
export const measuredAxes = (made: Measurements): MeasuredAxes | undefined => {
  const axes = keptAxes(made);
  const labelsOf = (axis: string) => [
    ...new Set(made.rows.map(({ labels }) => labels[axis] ?? "")),
  ];
  const numeric = axes.find((axis) => {
    const labels = labelsOf(axis);
    return labels.length > 1 && labels.every((label) => isNumber(label));
  });
  const over = numeric ?? axes[0];
  if (over === undefined || labelsOf(over).length < 2) return undefined;
  const lines = [...new Set(made.rows.map(({ labels }) => lineOf(labels, made, over)))];
  return {
    over,
    isNumeric: numeric !== undefined,
    lines: lines.slice(0, mostLines),
    left: Math.max(0, lines.length - mostLines),
  };
};

const isNumber = (label: string): boolean => label.trim() !== "" && Number.isFinite(Number(label));

const lineOf = (labels: Labels, made: Measurements, over: string): string =>
  keptAxes(made)
    .filter((axis) => axis !== over)
    .map((axis) => `${axis} ${labels[axis] ?? ""}`)
    .join(", ");

interface Value {
  readonly line: string;
  readonly x: number | string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

export const measurementsChart = (
  made: Measurements,
  { over, isNumeric, lines }: MeasuredAxes,
  metric: string,
  width: number,
): object => {
  const placed = (labels: Labels, value: Omit<Value, "line" | "x">): ReadonlyArray<Value> => {
    const line = lineOf(labels, made, over);
    const label = labels[over] ?? "";
    return lines.includes(line) ? [{ line, x: isNumeric ? Number(label) : label, ...value }] : [];
  };
  const single = made.rows.flatMap(({ labels, values: { [metric]: value } }) =>
    value === undefined ? [] : placed(labels, { value }),
  );
  const means = pooledRows(made).flatMap(({ labels, values: { [metric]: found } }) => {
    if (found === undefined) return [];
    const { mean: value, low, high } = found;
    return placed(labels, { value, ...(low === null || high === null ? {} : { low, high }) });
  });
  const strong = means.length > 0 ? means : single;
  const all = [...single, ...means];
  const domain = roomFor(
    all.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]),
  );
  const encoding = {
    x: xOf(over, isNumeric, single),
    color: {
      field: "line",
      type: "nominal",
      scale: { domain: lines, range: lines.map((_, at) => pagePalette[at % pagePalette.length]) },
      legend: lines.length > 1 ? { title: null, orient: "bottom", columns: 2 } : null,
    },
  };
  const y = {
    field: "value",
    type: "quantitative",
    scale: exactly(domain),
    axis: { title: null, tickCount: 5 },
  };
  return {
    width,
    height,
    layer: [
      {
        data: { values: isNumeric ? strong : [] },
        mark: { type: "line", strokeWidth: 1.5 },
        encoding: { ...encoding, y },
      },
      {
        data: { values: means.length > 0 ? single : [] },
        mark: { type: "point", size: 16, strokeWidth: 1, opacity: 0.7 },
        encoding: { ...encoding, y },
      },
      {
        data: { values: means.filter(({ low }) => low !== undefined) },
        mark: { type: "rule", strokeWidth: 2 },
        encoding: { ...encoding, y: { ...y, field: "low" }, y2: { field: "high" } },
      },
      {
        data: { values: strong },
        mark: { type: "point", filled: true, size: 40, opacity: 1 },
        encoding: { ...encoding, y },
      },
    ],
  };
};

const xOf = (over: string, isNumeric: boolean, values: ReadonlyArray<Value>): object => {
  if (!isNumeric)
    return { field: "x", type: "nominal", sort: null, axis: { title: over, labelAngle: -30 } };
  const numbers = values.map(({ x }) => Number(x));
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const isLog = low > 0 && high / low >= wide;
  return {
    field: "x",
    type: "quantitative",
    scale: isLog
      ? { type: "log", domain: [low / 1.2, high * 1.2], nice: false }
      : exactly(roomFor(numbers)),
    axis: { title: over, tickCount: 5, grid: false },
  };
};
