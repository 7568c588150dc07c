/** Perception against reasoning: one point an arm, and a small circle for each of its seeds. */
import type { ArmSet } from "../analysis/Arms.ts";
import { exactly, pageColours, roomFor } from "./draw.ts";
import { placeLabels } from "./placeLabels.ts";

/** A label further away than this from its point, in pixels, has a line to it. */
const nearEnough = 20;

/** Undefined where fewer than two arms have both. */
export const frontierChart = ({ arms }: ArmSet): ((width: number) => object) | undefined => {
  const values = arms.flatMap(({ name, row: { a_p, a_r } }) =>
    a_p && a_r ? [{ name, x: a_p.value, y: a_r.value, xr: a_p, yr: a_r }] : [],
  );
  if (values.length < 2) return undefined;
  const seeds = arms.flatMap(({ seeds }) =>
    seeds.length < 2
      ? []
      : seeds.flatMap(({ row: { a_p, a_r } }) =>
          a_p && a_r ? [{ x: a_p.value, y: a_r.value }] : [],
        ),
  );
  return (size) => chartOf(values, seeds, size);
};

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

interface Value extends Point {
  readonly name: string;
  readonly xr: Range;
  readonly yr: Range;
}

const chartOf = (
  values: ReadonlyArray<Value>,
  seeds: ReadonlyArray<Point>,
  size: number,
): object => {
  const domains = (["x", "y"] as const).map((side) => {
    const ends = values.flatMap((each) => [each[`${side}r`].low, each[`${side}r`].high]);
    return roomFor([...ends, ...seeds.map((each) => each[side])], { least: 0, most: 1 });
  }) as [readonly [number, number], readonly [number, number]];
  const [x, y] = (["x", "y"] as const).map((side, index) => ({
    field: side,
    type: "quantitative",
    scale: exactly(domains[index]!),
    axis: {
      title: side === "x" ? "a_p: captions right" : "a_r: answers right, given p*",
      tickCount: 5,
    },
  }));
  const names = namesOf(values, seeds, { size, domains });
  const color = pageColours.a;
  const layer = (of: ReadonlyArray<object>, mark: object, encoding: object = {}) => ({
    data: { values: of },
    mark: { color, ...mark },
    encoding: { x, y, ...encoding },
  });
  const bar = { type: "rule", opacity: 0.5 };
  return {
    width: size,
    height: size,
    layer: [
      layer(
        values.map(({ xr, ...each }) => ({ ...each, low: xr.low, high: xr.high })),
        bar,
        { x: { ...x, field: "low" }, x2: { field: "high" } },
      ),
      layer(
        values.map(({ yr, ...each }) => ({ ...each, low: yr.low, high: yr.high })),
        bar,
        { y: { ...y, field: "low" }, y2: { field: "high" } },
      ),
      layer(seeds, { type: "point", size: 18, strokeWidth: 1, opacity: 0.7 }),
      layer(
        names.filter(({ isFar }) => isFar),
        { type: "rule", color: pageColours.quiet, strokeWidth: 0.75 },
        { x2: { field: "fromX" }, y2: { field: "fromY" } },
      ),
      layer(values, { type: "point", filled: true, size: 56, opacity: 1 }),
      layer(
        names,
        {
          type: "text",
          align: "center",
          baseline: "middle",
          fontSize: 12,
          color: pageColours.text,
          clip: false,
        },
        { text: { field: "name" } },
      ),
    ],
  };
};

interface Plot {
  readonly size: number;
  readonly domains: readonly [readonly [number, number], readonly [number, number]];
}

/** The arms' names, placed in the units of the axes. */
const namesOf = (
  values: ReadonlyArray<Value>,
  seeds: ReadonlyArray<Point>,
  { size, domains: [[left, right], [bottom, top]] }: Plot,
) => {
  const toPixels = ({ x, y }: Point): Point => ({
    x: ((x - left) / (right - left)) * size,
    y: ((top - y) / (top - bottom)) * size,
  });
  const points = values.map((each) => ({ ...toPixels(each), text: each.name }));
  const places = placeLabels(points, seeds.map(toPixels), { width: size, height: size });
  return values.map(({ name, x: fromX, y: fromY }, index) => {
    const [point, { x, y }] = [points[index]!, places[index]!];
    // The line ends at the label's near edge.
    const edge = Math.max(0, Math.abs(x - point.x) - (name.length * 6.6) / 2);
    return {
      name,
      fromX,
      fromY,
      x: left + (x / size) * (right - left),
      y: top - (y / size) * (top - bottom),
      isFar: Math.hypot(edge, y - point.y) > nearEnough,
    };
  });
};
