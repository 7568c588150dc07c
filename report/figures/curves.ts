/** A quantity over the steps of trainings: raw values as thin lines, the mean of an arm's seeds, smoothed, as a strong one. */
import type { Training } from "../ReportData.ts";
import { exactly, pageColours, pagePalette, roomFor, spreadOut } from "./draw.ts";

const height = 190;
/** More lines can't be told apart. */
export const mostLines = 12;
/** Of a line, and of all lines of a figure. */
const mostPoints = { line: 250, figure: 3000 };

export interface CurveArm {
  readonly name: string;
  readonly trainings: ReadonlyArray<Pick<Training, "node" | "steps">>;
}

interface Point {
  readonly arm: string;
  readonly run: string;
  readonly step: number;
  readonly value: number;
}

export const curvesChart = (
  arms: ReadonlyArray<CurveArm>,
  metric: string,
  width: number,
): object => {
  const lines = arms.reduce((sum, { trainings }) => sum + trainings.length, 0);
  const mostOfLine = Math.min(mostPoints.line, Math.max(20, Math.floor(mostPoints.figure / lines)));
  const raw = arms.flatMap(({ name, trainings }) =>
    trainings.flatMap(({ node, steps }) => {
      const points = steps.flatMap(({ step, values }) => {
        const value = values[metric];
        return value === undefined ? [] : [{ arm: name, run: node, step, value }];
      });
      const every = Math.ceil(points.length / mostOfLine);
      return points.filter((_, index) => index % every === 0 || index === points.length - 1);
    }),
  );
  const smooth = arms.flatMap(({ name }) => smoothed(raw.filter(({ arm }) => arm === name)));
  const domain = roomFor(raw.map(({ value }) => value));
  const steps = raw.map(({ step }) => step);
  const x = {
    field: "step",
    type: "quantitative",
    scale: exactly([Math.min(...steps), Math.max(...steps)]),
    axis: { title: "step", tickCount: 4, grid: false },
  };
  const y = {
    field: "value",
    type: "quantitative",
    scale: exactly(domain),
    axis: { title: null, tickCount: 5 },
  };
  const color = {
    field: "arm",
    type: "nominal",
    scale: {
      domain: arms.map(({ name }) => name),
      range: arms.map((_, index) => pagePalette[index % pagePalette.length]),
    },
    legend: null,
  };
  const ends = arms.flatMap(({ name }) => smooth.findLast(({ arm }) => arm === name) ?? []);
  const places = spreadOut(
    ends.map(({ value }) => value),
    ((domain[1] - domain[0]) * 13) / height,
    domain,
  );
  return {
    width,
    height,
    layer: [
      {
        data: { values: raw },
        mark: { type: "line", strokeWidth: 0.7, opacity: 0.4 },
        encoding: { x, y, color, detail: { field: "run" } },
      },
      {
        data: { values: smooth },
        mark: { type: "line", strokeWidth: 2 },
        encoding: { x, y, color },
      },
      {
        data: { values: ends.map((end, index) => ({ ...end, value: places[index]! })) },
        mark: { type: "text", align: "left", dx: 5, fontSize: 11, clip: false, limit: 80 },
        encoding: {
          x,
          y,
          text: { field: "arm" },
          color: arms.length > 1 ? color : { value: pageColours.text },
        },
      },
    ],
  };
};

/** The mean over trainings at each step, then over the steps around it: a tenth of them. */
const smoothed = (points: ReadonlyArray<Point>): ReadonlyArray<Omit<Point, "run">> => {
  const means = [...Map.groupBy(points, ({ step }) => step)]
    .toSorted(([one], [other]) => one - other)
    .map(([step, at]) => ({ step, value: mean(at.map(({ value }) => value)) }));
  const half = Math.floor(means.length / 20);
  const [first] = points;
  return means.map(({ step }, index) => {
    const around = means.slice(Math.max(0, index - half), index + half + 1);
    return { arm: first?.arm ?? "", step, value: mean(around.map(({ value }) => value)) };
  });
};

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
