/** When each attempt of a run worked: a bar an attempt, in as many rows as worked at once. */
import type { Attempt } from "../ReportData.ts";
import { exactly, pageColours, pagePalette } from "./draw.ts";

/** The most bars drawn; of more nodes, those that took longest. */
export const mostBars = 1000;

const rowHeight = 16;
const letterWidth = 6.2;

interface Bar extends Attempt {
  readonly row: number;
}

/** Each attempt in the first row that is free. */
const inRows = (attempts: ReadonlyArray<Attempt>): ReadonlyArray<Bar> => {
  const ends: Array<number> = [];
  return attempts
    .toSorted((one, other) => one.from - other.from)
    .map((attempt) => {
      const free = ends.findIndex((end) => end <= attempt.from);
      const row = free < 0 ? ends.length : free;
      ends[row] = attempt.to;
      return { ...attempt, row };
    });
};

/** It ended without a result. */
export const isLost = ({ end }: Attempt): boolean => end === "failed" || end === "interrupted";

export const timelineChart = (attempts: ReadonlyArray<Attempt>, width: number): object => {
  const bars = inRows(
    attempts
      .toSorted((one, other) => other.to - other.from - (one.to - one.from))
      .slice(0, mostBars),
  );
  const end = Math.max(1, ...bars.map(({ to }) => to));
  const { unit, seconds } = unitFor(end);
  const stages = [...new Set(bars.map(({ stageName }) => stageName))];
  const values = bars.map((bar) => ({ ...bar, from: bar.from / seconds, to: bar.to / seconds }));
  const rows = Math.max(...bars.map(({ row }) => row)) + 1;
  const fits = ({ node, from, to }: Bar) => ((to - from) / end) * width > node.length * letterWidth;
  const x = {
    field: "from",
    type: "quantitative",
    scale: exactly([0, end / seconds]),
    axis: { title: `${unit} since the run began`, tickCount: 6, grid: true },
  };
  const y = {
    field: "row",
    type: "quantitative",
    scale: { ...exactly([-0.6, rows - 0.4]), reverse: true },
    axis: null,
  };
  const color = {
    field: "stageName",
    type: "nominal",
    scale: { domain: stages, range: stages.map((_, at) => pagePalette[at % pagePalette.length]) },
    legend: { title: null, orient: "top", symbolType: "square", labelFontSize: 12, columns: 6 },
  };
  return {
    width,
    height: rows * rowHeight + 8,
    layer: [
      {
        data: { values },
        // Names on the palest bar of a dark page have a contrast of 5.1; the least that is easy to read is 4.5.
        mark: { type: "rule", strokeWidth: rowHeight - 4, opacity: 0.35 },
        encoding: { x, x2: { field: "to" }, y, color },
      },
      {
        data: { values: values.filter(isLost) },
        mark: {
          type: "point",
          shape: "triangle-down",
          filled: true,
          size: 40,
          opacity: 1,
          yOffset: -4,
          color: "var(--bad)",
        },
        encoding: { x: { ...x, field: "to" }, y },
      },
      {
        data: { values: values.filter((_, index) => fits(bars[index]!)) },
        mark: {
          type: "text",
          align: "left",
          baseline: "middle",
          dx: 3,
          fontSize: 11,
          color: pageColours.text,
        },
        encoding: { x, y, text: { field: "node" } },
      },
    ],
  };
};

/** The largest unit of which the run takes two. */
const unitFor = (end: number): { readonly unit: string; readonly seconds: number } =>
  [
    { unit: "days", seconds: 86_400 },
    { unit: "hours", seconds: 3600 },
    { unit: "minutes", seconds: 60 },
  ].find(({ seconds }) => end >= 2 * seconds) ?? { unit: "seconds", seconds: 1 };
