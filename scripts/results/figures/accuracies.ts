/** a, a_p and a_r by a number: the pooled value with its interval, and a small dot for each seed. */
import { type Arm, armsNamed, numberIn } from "../Arms.ts";
import type { Page } from "../Page.ts";
import { type Figure, type Metric, metrics } from "../Study.ts";
import {
  colours,
  exactly,
  metricTitles,
  roomFor,
  spreadOut,
} from "../../../report/figures/draw.ts";

type Options = Extract<Figure, { readonly show: "accuracies" }>;

const width = { apart: 660, together: 520 };

interface Place {
  readonly x: number;
  readonly arm: Arm;
  /** On the axis, or beside it. */
  readonly onAxis: boolean;
}

export const accuraciesChart = (page: Page, options: Options): object => {
  const places = placesOf(armsNamed(page, options.arms).arms, options);
  return options.apart
    ? {
        vconcat: metrics.map((metric, index) =>
          panel(places, [metric], options, {
            title: metricTitles[metric],
            isLast: index === metrics.length - 1,
            height: 130,
          }),
        ),
      }
    : panel(places, metrics, options, { isLast: true, height: 300 });
};

/** References stand beside the axis, as far from its end and from each other as most neighbours on it. */
const placesOf = (arms: ReadonlyArray<Arm>, { references }: Options): ReadonlyArray<Place> => {
  const onAxis = arms
    .filter(({ label }) => !references.includes(label))
    .map((arm) => ({ x: numberIn(arm.label), arm, onAxis: true }))
    .toSorted((one, other) => one.x - other.x);
  const [first, last] = [onAxis[0]?.x ?? 0, onAxis.at(-1)?.x ?? 0];
  const step = Math.max((last - first) / Math.max(1, onAxis.length - 1), (last - first) / 8) || 1;
  const beside = references.map((label, index) => {
    const arm = arms.find((each) => each.label === label);
    if (arm === undefined) throw new Error(`there is no arm \`${label}\` to refer to`);
    return { x: last + step * (index + 1.2), arm, onAxis: false };
  });
  return [...onAxis, ...beside];
};

interface Panel {
  readonly title?: string;
  readonly isLast: boolean;
  readonly height: number;
}

const panel = (
  places: ReadonlyArray<Place>,
  shown: ReadonlyArray<Metric>,
  { x: title, log, apart }: Options,
  { title: heading, isLast, height }: Panel,
): object => {
  const xs = places.map(({ x }) => x);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const margin = (high - low) * 0.05;
  const names = places.map(({ x, arm, onAxis }) => [x, onAxis ? String(x) : arm.label]);
  const x = {
    field: "x",
    type: "quantitative",
    scale: log
      ? { type: "log", domain: [low / 1.1, high * 1.1], nice: false }
      : exactly([low - margin, high + margin]),
    axis: {
      title: isLast ? title : null,
      values: xs,
      grid: false,
      labels: isLast,
      labelExpr: `${JSON.stringify(Object.fromEntries(names))}[datum.value]`,
      labelOverlap: false,
    },
  };
  const values = shown.flatMap((metric) => pointsOf(places, metric));
  const all = values.flatMap(({ low, high, seeds }) => [low, high, ...seeds]);
  const range = apart ? roomFor(all, { least: 0, most: 1 }) : ([0, 1] as const);
  const scale = exactly(range);
  const y = { field: "value", type: "quantitative", scale, axis: { title: null, tickCount: 5 } };
  const seeds = values.flatMap(({ seeds, ...rest }) => seeds.map((value) => ({ ...rest, value })));
  const references = values.filter(({ onAxis }) => !onAxis);
  return {
    ...(heading === undefined ? {} : { title: heading }),
    width: apart ? width.apart : width.together,
    height,
    layer: shown
      .flatMap((metric): ReadonlyArray<object> => {
        const color = colours[metric];
        const only = <A extends { readonly metric: Metric }>(of: ReadonlyArray<A>) => ({
          values: of.filter((each) => each.metric === metric),
        });
        return [
          {
            data: only(references),
            mark: { type: "rule", color, strokeDash: [4, 4], opacity: 0.45 },
            encoding: { y },
          },
          {
            data: only(values.filter(({ onAxis }) => onAxis)),
            mark: { type: "line", color, strokeWidth: 1.8 },
            encoding: { x, y },
          },
          {
            data: only(seeds),
            mark: { type: "point", color, size: 16, strokeWidth: 1, opacity: 0.55, xOffset: 7 },
            encoding: { x, y },
          },
          {
            data: only(values),
            mark: { type: "rule", color, strokeWidth: 2 },
            encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
          },
          {
            data: only(values),
            mark: { type: "point", color, filled: true, size: 52, opacity: 1 },
            encoding: { x, y },
          },
        ];
      })
      .concat(apart ? [] : [directLabels(values, x, { range, height })]),
  };
};

const pointsOf = (places: ReadonlyArray<Place>, metric: Metric) =>
  places.flatMap(({ x, arm, onAxis }) => {
    const value = arm.pooled[metric];
    if (value === null) return [];
    const seeds = arm.points.flatMap(({ accuracies }) => accuracies[metric]?.value ?? []);
    // With one seed, the dot is the pooled value.
    const repeated = seeds.length > 1 ? seeds : [];
    return [
      { metric, x, onAxis, value: value.value, low: value.low, high: value.high, seeds: repeated },
    ];
  });

const directLabels = (
  values: ReadonlyArray<{
    readonly metric: Metric;
    readonly x: number;
    readonly value: number;
    readonly onAxis: boolean;
  }>,
  x: object,
  { range, height }: { readonly range: readonly [number, number]; readonly height: number },
): object => {
  const last = metrics.flatMap((metric) => values.findLast((each) => each.metric === metric) ?? []);
  const apart = ((range[1] - range[0]) * 15) / height;
  const places = spreadOut(
    last.map(({ value }) => value),
    apart,
  );
  const labels = last.map(({ metric, x }, index) => ({
    x,
    at: places[index],
    text: metricTitles[metric],
    metric,
  }));
  return {
    data: { values: labels },
    mark: { type: "text", align: "left", dx: 16, fontSize: 11.5, clip: false },
    encoding: {
      x,
      y: { field: "at", type: "quantitative", scale: exactly(range) },
      text: { field: "text" },
      color: {
        field: "metric",
        scale: { domain: metrics, range: metrics.map((metric) => colours[metric]) },
        legend: null,
      },
    },
  };
};
