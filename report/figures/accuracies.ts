/** a, a_p and a_r over the arms on one scale: pooled values with their intervals, a circle for each seed, and the band between the seeds. */
import type { Proportion } from "../../stats/wilson.ts";
import { type Metric, metrics } from "../analysis/Arms.ts";
import { exactly, pageColours, spreadOut } from "./draw.ts";
import { cutName } from "./Figure.ts";

type Accuracies = { readonly [metric in Metric]: Proportion | null };

/** The part of an arm that is drawn. */
interface Arm {
  readonly name: string;
  /** Pooled over its seeds. */
  readonly row: Accuracies;
  readonly seeds: ReadonlyArray<{ readonly row: Accuracies }>;
}

interface Arms {
  readonly axes: ReadonlyArray<string>;
  readonly arms: ReadonlyArray<Arm>;
}

export interface AccuraciesOptions {
  /** The meaning of the numbers on the horizontal axis, which then stand alone; by default the axis' name, and those of the arms. */
  readonly title?: string | null;
  readonly isLog?: boolean;
  readonly shown?: ReadonlyArray<Metric>;
  readonly range?: readonly [number, number];
  readonly height?: number;
}

const names = { a: "a end to end", a_p: "a_p perception", a_r: "a_r given p*" } as const;

/** The least pixels that the name of an arm needs below the axis. */
const nameWidth = 52;

/** Pixels of a letter below the axis. */
const letterWidth = 6;

interface Place {
  readonly x: number;
  readonly arm: Arm;
  /** Placed by its number, not beside the axis. */
  readonly isNumber: boolean;
}

/** Where three labels or more end with a number, they stand at it, and the others to their left. */
const placesOf = ({ arms, axes }: Arms, isLog: boolean): ReadonlyArray<Place> => {
  const numberOf = ({ name }: Arm) => Number(/-?\d+(?:\.\d+)?$/u.exec(name)?.[0] ?? Number.NaN);
  const numbered = arms.filter((arm) => axes.length === 1 && !Number.isNaN(numberOf(arm)));
  const xs = numbered.map(numberOf);
  const beside = arms.filter((arm) => !numbered.includes(arm));
  const isScale = numbered.length > 2 && new Set(xs).size === numbered.length;
  if (isLog && beside.length > 0)
    throw new Error(`${beside[0]!.name} has no place on a logarithmic axis`);
  if (!isScale) return arms.map((arm, x) => ({ x, arm, isNumber: false }));
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const step = (high - low) / Math.max(2, numbered.length);
  return [
    ...beside.map((arm, index) => ({
      x: low - step * (beside.length - index),
      arm,
      isNumber: false,
    })),
    ...numbered
      .map((arm) => ({ x: numberOf(arm), arm, isNumber: true }))
      .toSorted((one, other) => one.x - other.x),
  ];
};

export const accuraciesChart = (
  set: Arms,
  width: number,
  {
    title,
    isLog = false,
    shown = metrics,
    range = [0, 1],
    height = Math.min(300, width),
  }: AccuraciesOptions = {},
): object => {
  const places = placesOf(set, isLog);
  const xs = places.map(({ x }) => x);
  const span = Math.max(...xs) - Math.min(...xs) || 1;
  const isNamed = title !== undefined;
  const labels = Object.fromEntries(
    places.map(({ x, arm, isNumber }) => [x, isNamed && isNumber ? String(x) : cutName(arm.name)]),
  );
  const longest = Math.max(...Object.values(labels).map((label) => label.length)) * letterWidth;
  const x = {
    field: "x",
    type: "quantitative",
    scale: isLog
      ? { type: "log", domain: [Math.min(...xs) / 1.1, Math.max(...xs) * 1.1], nice: false }
      : exactly([Math.min(...xs) - span * 0.08, Math.max(...xs) + span * 0.08]),
    axis: {
      title: isNamed ? title : set.axes.join(" × ") || null,
      values: xs,
      grid: false,
      labelExpr: `${JSON.stringify(labels)}[datum.value]`,
      labelOverlap: false,
      labelAngle: places.length * Math.max(nameWidth, longest) > width ? -35 : 0,
      labelLimit: 0,
    },
  };
  const y = {
    field: "value",
    type: "quantitative",
    scale: exactly(range),
    axis: { title: null, tickCount: 5 },
  };
  const offset = Math.min(5, width / 100);
  return {
    width,
    height,
    layer: [
      ...shown.flatMap((metric, index) =>
        layersOf(places, metric, (index - (shown.length - 1) / 2) * offset, { x, y }),
      ),
      namesAtEnd(places, x, { shown, range, height }),
    ],
  };
};

/** Metrics stand side by side by `xOffset` pixels. */
const layersOf = (
  places: ReadonlyArray<Place>,
  metric: Metric,
  xOffset: number,
  { x, y }: { readonly x: object; readonly y: object },
): ReadonlyArray<object> => {
  const color = pageColours[metric];
  const values = places.flatMap(({ x: at, arm, isNumber }) => {
    const found = arm.row[metric];
    return found === null ? [] : [{ ...found, x: at, isNumber }];
  });
  const seeds = places.flatMap(({ x: at, arm, isNumber }) => {
    const of = arm.seeds.flatMap(({ row }) => row[metric]?.value ?? []);
    return of.length < 2 ? [] : [{ x: at, isNumber, of }];
  });
  const bands = seeds.map(({ of, ...place }) => ({
    ...place,
    value: Math.min(...of),
    high: Math.max(...of),
  }));
  const band = (isNumber: boolean, mark: object) => ({
    data: { values: bands.filter((each) => each.isNumber === isNumber) },
    mark: { ...mark, color, opacity: 0.13, xOffset, x2Offset: xOffset },
    encoding: { x, y, y2: { field: "high" } },
  });
  return [
    band(true, { type: "area" }),
    band(false, { type: "rule", strokeWidth: 9 }),
    {
      data: { values: values.filter(({ isNumber }) => isNumber) },
      mark: { type: "line", color, strokeWidth: 1.5, xOffset, opacity: 0.8 },
      encoding: { x, y },
    },
    {
      data: { values: seeds.flatMap(({ of, x: at }) => of.map((value) => ({ x: at, value }))) },
      mark: { type: "point", color, size: 14, strokeWidth: 1, opacity: 0.7, xOffset },
      encoding: { x, y },
    },
    {
      data: { values },
      mark: { type: "rule", color, strokeWidth: 2, xOffset },
      encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
    },
    {
      data: { values },
      mark: { type: "point", color, filled: true, size: 52, opacity: 1, xOffset },
      encoding: { x, y },
    },
  ];
};

const namesAtEnd = (
  places: ReadonlyArray<Place>,
  x: object,
  { shown, range, height }: Required<Pick<AccuraciesOptions, "shown" | "range" | "height">>,
): object => {
  const ends = shown.flatMap((metric) => {
    const end = places.findLast(({ arm }) => arm.row[metric] !== null);
    return end === undefined ? [] : [{ metric, x: end.x, value: end.arm.row[metric]!.value }];
  });
  const spread = spreadOut(
    ends.map(({ value }) => value),
    ((range[1] - range[0]) * 16) / height,
    range,
  );
  return {
    data: {
      values: ends.map(({ metric, x: at }, index) => ({
        x: at,
        at: spread[index],
        text: names[metric],
        color: pageColours[metric],
      })),
    },
    mark: { type: "text", align: "left", dx: 14, fontSize: 12, fontWeight: 600, clip: false },
    encoding: {
      x,
      y: { field: "at", type: "quantitative", scale: exactly(range) },
      text: { field: "text" },
      color: { field: "color", type: "nominal", scale: null, legend: null },
    },
  };
};
