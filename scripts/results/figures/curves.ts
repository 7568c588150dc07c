/** Quantities over the course of a training: a thin line a seed, a strong one their mean, a panel a quantity. */
import { armName } from "../Arms.ts";
import type { CurveLine } from "../Evidence.ts";
import type { Page } from "../Page.ts";
import type { Figure } from "../Study.ts";
import { exactly, palette, roomFor, spreadOut } from "../../../report/figures/draw.ts";

type Options = Extract<Figure, { readonly show: "curves" }>;

const fullWidth = 690;
const height = 220;

interface Line {
  readonly arm: string;
  readonly seed: string;
  readonly step: number;
  readonly value: number;
}

export const curvesChart = (page: Page, options: Options): object => {
  const { seed } = page.study;
  const lines = page
    .curves(options.of)
    .filter(({ labels }) =>
      Object.entries(options.where).every(([axis, label]) => labels[axis] === label),
    );
  for (const { labels } of lines)
    for (const axis of Object.keys(labels))
      if (axis !== options.axis && axis !== seed && options.where[axis] === undefined)
        throw new Error(`the curves have the axis ${axis}, too: say which label by \`where\``);
  const arms = [...new Set(lines.map(({ labels }) => labels[options.axis] ?? ""))];
  const panels = Object.entries(options.values);
  const columns = panels.length === 2 ? 2 : Math.min(3, panels.length);
  return {
    concat: panels.map(([name, title], index) =>
      panel(linesOf(lines, name, options.axis, seed), {
        arms,
        title,
        axis: options.axis,
        width: Math.round(fullWidth / columns) - 68,
        isLast: index === panels.length - 1,
      }),
    ),
    columns,
  };
};

const linesOf = (
  lines: ReadonlyArray<CurveLine>,
  name: string,
  axis: string,
  seed: string,
): ReadonlyArray<Line> =>
  lines.flatMap(({ labels, step, values }) => {
    const value = values[name];
    return value === undefined
      ? []
      : [{ arm: labels[axis] ?? "", seed: labels[seed] ?? "", step, value }];
  });

/** The mean over the seeds of a step that all seeds of the arm have. */
const meansOf = (lines: ReadonlyArray<Line>): ReadonlyArray<Omit<Line, "seed">> =>
  [...Map.groupBy(lines, ({ arm }) => arm)].flatMap(([arm, own]) => {
    const seeds = new Set(own.map(({ seed }) => seed)).size;
    return [...Map.groupBy(own, ({ step }) => step)].flatMap(([step, at]) =>
      at.length < seeds
        ? []
        : [{ arm, step, value: at.reduce((sum, { value }) => sum + value, 0) / at.length }],
    );
  });

interface Panel {
  readonly arms: ReadonlyArray<string>;
  readonly title: string;
  readonly axis: string;
  readonly width: number;
  readonly isLast: boolean;
}

const panel = (lines: ReadonlyArray<Line>, { arms, title, axis, width, isLast }: Panel): object => {
  const range = roomFor(lines.map(({ value }) => value));
  const steps = lines.map(({ step }) => step);
  const x = {
    field: "step",
    type: "quantitative",
    scale: exactly([Math.min(...steps), Math.max(...steps)]),
    axis: { title: "step", tickCount: 5, grid: false },
  };
  const y = {
    field: "value",
    type: "quantitative",
    scale: exactly(range),
    axis: { title: null, tickCount: 5 },
  };
  const color = {
    field: "arm",
    type: "nominal",
    scale: { domain: arms, range: arms.map((_, index) => palette[index % palette.length]) },
    legend: null,
  };
  const means = meansOf(lines);
  const ends = arms.flatMap((arm) => means.findLast((each) => each.arm === arm) ?? []);
  const places = spreadOut(
    ends.map(({ value }) => value),
    ((range[1] - range[0]) * 13) / height,
  );
  const labels = ends.map((end, index) => ({
    ...end,
    value: places[index],
    text: armName(axis, end.arm),
  }));
  return {
    title,
    width,
    height,
    layer: [
      {
        data: { values: lines },
        mark: { type: "line", strokeWidth: 0.8, opacity: 0.35 },
        encoding: { x, y, color, detail: { field: "seed" } },
      },
      {
        data: { values: means },
        mark: { type: "line", strokeWidth: 2 },
        encoding: { x, y, color },
      },
      ...(isLast
        ? [
            {
              data: { values: labels },
              mark: { type: "text", align: "left", dx: 5, fontSize: 11.5, clip: false },
              encoding: { x, y, color, text: { field: "text" } },
            },
          ]
        : []),
    ],
  };
};
