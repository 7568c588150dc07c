/** From a description of a chart to an SVG: the same bytes every time, and nothing of a browser. */
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** Okabe and Ito's colours, which differ for every kind of eye; the order is that of use. */
export const palette = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#333333",
];

export const colours = {
  a: "#0072b2",
  a_p: "#d55e00",
  a_r: "#009e73",
  perception: "#d55e00",
  reasoning: "#009e73",
  counterfactual: "#cc79a7",
  quiet: "#8a8a8a",
  text: "#222222",
} as const;

export const metricTitles = {
  a: "a: answer right, end to end",
  a_p: "a_p: perception right",
  a_r: "a_r: answer right, perception given",
} as const;

/** Where there is little room. */
export const metricNames = {
  a: "a: end to end",
  a_p: "a_p: perception",
  a_r: "a_r: given perception",
} as const;

const config = {
  background: "white",
  font: "Helvetica, Arial, sans-serif",
  padding: 12,
  view: { stroke: null },
  axis: {
    labelColor: colours.text,
    titleColor: colours.text,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titlePadding: 8,
    domainColor: "#666666",
    tickColor: "#666666",
    gridColor: "#ececec",
    tickSize: 4,
  },
  title: {
    anchor: "start",
    frame: "group",
    fontSize: 12.5,
    fontWeight: "bold",
    color: colours.text,
    offset: 8,
  },
  concat: { spacing: 22 },
} as const;

export const draw = async (chart: object): Promise<string> => {
  const spec = { $schema: "https://vega.github.io/schema/vega-lite/v6.json", config, ...chart };
  const { spec: compiled } = compile(spec as unknown as TopLevelSpec);
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
};

/** Places for labels side by side on one axis, as near to where they belong as `apart` allows. */
export const spreadOut = (places: ReadonlyArray<number>, apart: number): ReadonlyArray<number> => {
  const order = places.map((_, index) => index).toSorted((i, j) => places[i]! - places[j]!);
  const spread = [...places];
  // Two neighbours that are too near give way by half each; a few rounds settle all.
  for (let round = 0; round < 50; round += 1)
    for (let next = 1; next < order.length; next += 1) {
      const [low, high] = [order[next - 1]!, order[next]!];
      const lacking = apart - (spread[high]! - spread[low]!);
      if (lacking <= 0) continue;
      spread[low]! -= lacking / 2;
      spread[high]! += lacking / 2;
    }
  return spread;
};

/** The range of an axis: all values and a little room, within what is possible. */
export const roomFor = (
  values: ReadonlyArray<number>,
  { least = -Infinity, most = Infinity }: { readonly least?: number; readonly most?: number } = {},
): readonly [number, number] => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.08, 0.005);
  return [Math.max(least, low - room), Math.min(most, high + room)];
};

/** +0.1, 0, −0.1. */
export const signedLabels = {
  format: "+~f",
  labelExpr: "datum.value === 0 ? '0' : datum.label",
};

/** The domain of an axis is this and no rounder. */
export const exactly = (domain: readonly [number, number]) => ({
  domain,
  nice: false,
  zero: false,
});
