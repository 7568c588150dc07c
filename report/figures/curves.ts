/**
 * A quantity over the steps of trainings: the mean of an arm's seeds, smoothed, as a strong line; raw values as thin ones, or, of more
 * trainings than can be told apart, a band from the lowest to the highest of an arm's, smoothed.
 */
import type { Training } from "../ReportData.ts";
import { exactly, pageColours, pagePalette, roomFor, spreadOut } from "./draw.ts";
import { cutName } from "./Figure.ts";

const height = 190;
/** Thin lines of more trainings are a blur. */
const mostRaw = 24;
/** More lines can't be told apart. */
export const mostLines = 12;
/** The letters of an arm's name that have room beside its line. */
export const mostLetters = 16;
/** The most points of a line, and of all lines or bands of a panel. */
const mostPoints = { line: 250, lines: 3000, bands: 1500 };

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

const countOf = (arms: ReadonlyArray<CurveArm>): number =>
  arms.reduce((sum, { trainings }) => sum + trainings.length, 0);

/** Whether trainings show as bands, not as lines. */
export const isBanded = (arms: ReadonlyArray<CurveArm>): boolean => countOf(arms) > mostRaw;

export const curvesChart = (
  arms: ReadonlyArray<CurveArm>,
  metric: string,
  width: number,
): object => {
  const raw = rawPoints(arms, metric);
  const smooth = arms.flatMap(({ name }) => smoothed(raw.filter(({ arm }) => arm === name)));
  const bands = isBanded(arms) ? arms.flatMap(({ name }) => bandOf(raw, name)) : undefined;
  const domain = roomFor(
    bands?.flatMap(({ low, high }) => [low, high]) ?? raw.map(({ value }) => value),
  );
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
  return {
    width,
    height,
    layer: [
      bands === undefined
        ? {
            data: { values: raw },
            mark: { type: "line", strokeWidth: 0.7, opacity: 0.4 },
            encoding: { x, y, color, detail: { field: "run" } },
          }
        : {
            data: { values: bands },
            mark: { type: "area", opacity: 0.2 },
            encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color },
          },
      {
        data: { values: smooth },
        mark: { type: "line", strokeWidth: 2 },
        encoding: { x, y, color, ...dashes(arms) },
      },
      namesAtEnd(arms, smooth, domain, { x, y, color }),
    ],
  };
};

/** The lines whose colour another has already are dashed. */
const isDashed = (index: number): boolean => index >= pagePalette.length;

const dashes = (arms: ReadonlyArray<CurveArm>): object =>
  arms.some((_, index) => isDashed(index))
    ? {
        strokeDash: {
          field: "arm",
          type: "nominal",
          scale: {
            domain: arms.map(({ name }) => name),
            range: arms.map((_, index) => (isDashed(index) ? [4, 3] : [1, 0])),
          },
          legend: null,
        },
      }
    : {};

/** The arms' names at the ends of their lines, apart from each other. */
const namesAtEnd = (
  arms: ReadonlyArray<CurveArm>,
  lines: ReadonlyArray<Omit<Point, "run">>,
  domain: readonly [number, number],
  { x, y, color }: { readonly x: object; readonly y: object; readonly color: object },
): object => {
  const ends = arms.flatMap(({ name }) => lines.findLast(({ arm }) => arm === name) ?? []);
  const names = Object.fromEntries(
    arms.map(({ name }, index) => [
      name,
      `${isDashed(index) ? "- - " : ""}${cutName(name, mostLetters)}`,
    ]),
  );
  const places = spreadOut(
    ends.map(({ value }) => value),
    ((domain[1] - domain[0]) * 13) / height,
    domain,
  );
  return {
    data: { values: ends.map((end, index) => ({ ...end, value: places[index]! })) },
    mark: {
      type: "text",
      text: { expr: `${JSON.stringify(names)}[datum.arm]` },
      align: "left",
      dx: 5,
      fontSize: 11,
      clip: false,
    },
    encoding: { x, y, color: arms.length > 1 ? color : { value: pageColours.text } },
  };
};

/** The values of every training, each as often as there is room. */
const rawPoints = (arms: ReadonlyArray<CurveArm>, metric: string): ReadonlyArray<Point> => {
  const most = isBanded(arms) ? mostPoints.bands : mostPoints.lines;
  const mostOfLine = Math.min(mostPoints.line, Math.max(20, Math.floor(most / countOf(arms))));
  return arms.flatMap(({ name, trainings }) =>
    trainings.flatMap(({ node, steps }) => {
      const points = steps.flatMap(({ step, values }) => {
        const value = values[metric];
        return value === undefined ? [] : [{ arm: name, run: node, step, value }];
      });
      const every = Math.ceil(points.length / mostOfLine);
      return points.filter((_, index) => index % every === 0 || index === points.length - 1);
    }),
  );
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

/** The range of an arm's trainings at each step, each smoothed. */
const bandOf = (raw: ReadonlyArray<Point>, arm: string) => {
  const runs = Map.groupBy(
    raw.filter((point) => point.arm === arm),
    ({ run }) => run,
  );
  const points = [...runs.values()].flatMap(smoothed);
  return [...Map.groupBy(points, ({ step }) => step)]
    .map(([step, at]) => {
      const values = at.map(({ value }) => value);
      return { arm, step, low: Math.min(...values), high: Math.max(...values) };
    })
    .toSorted((one, other) => one.step - other.step);
};

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
