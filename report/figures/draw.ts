/** From a description of a chart to an SVG: the same bytes every time, and nothing of a browser. */
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { fontFamily } from "../files/fonts.ts";
import { cutName } from "./Figure.ts";

/** Colours that the page's style sheet sets, for light and dark. */
export const pageColours = {
  a: "var(--c1)",
  a_p: "var(--c2)",
  a_r: "var(--c3)",
  quiet: "var(--quiet)",
  text: "var(--text)",
} as const;

/**
 * The colours of arms, in the order of use: hues after Okabe and Ito (https://jfly.uni-koeln.de/color/), whose own are too pale for
 * letters on white. Hues and lightness were searched so that the two most alike are far apart for colour-blind readers, too;
 * `test/report/palette.test.ts` measures that.
 */
export const pagePalette = [1, 2, 3, 4, 5, 6, 7].map((place) => `var(--c${place})`);

const pageConfig = {
  background: null,
  font: "system-ui, sans-serif",
  padding: 4,
  view: { stroke: null },
  axis: {
    labelColor: pageColours.text,
    titleColor: pageColours.text,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titlePadding: 8,
    domainColor: pageColours.quiet,
    tickColor: pageColours.quiet,
    gridColor: "var(--grid)",
    tickSize: 4,
  },
  legend: { labelColor: pageColours.text },
  title: {
    anchor: "start",
    frame: "group",
    fontSize: 12.5,
    fontWeight: "bold",
    color: pageColours.text,
    offset: 8,
  },
  concat: { spacing: 22 },
} as const;

/** Colours stand for those of the page, until `inLight` puts its light ones in. */
const fileConfig = { ...pageConfig, font: fontFamily, padding: 2 } as const;

/** Stands in documents whose page may be dark. */
const resultsConfig = {
  ...pageConfig,
  background: "white",
  font: "Helvetica, Arial, sans-serif",
  padding: 12,
} as const;

const configs = { results: resultsConfig, page: pageConfig, file: fileConfig };

interface TextItem {
  readonly font?: string;
  readonly fontSize?: number;
  readonly limit?: number;
}

/** Vega's measure of texts, which its types lack. */
const { textMetrics } = vega as unknown as {
  readonly textMetrics: { width: (item: TextItem, text: unknown) => number };
};

/** In em. Without a canvas Vega takes letters to be so wide that any typeface has room; that of files is known. */
const letterWidths = { ofFiles: 0.52, ofAny: 0.8 };

textMetrics.width = ({ font, fontSize = 11, limit = 0 }, text) => {
  const letter = font === fontFamily ? letterWidths.ofFiles : letterWidths.ofAny;
  const width = Math.trunc(letter * String(text).trim().length * fontSize);
  return limit > 0 ? Math.min(limit, width) : width;
};

/** A chart for a page of `docs/results`, for the report that it stands in, or for a file of its own. */
export const draw = async (chart: object, on: keyof typeof configs): Promise<string> => {
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: configs[on],
    ...chart,
  };
  const { spec: compiled } = compile(spec as unknown as TopLevelSpec);
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
};

/** Places for labels side by side on one axis, as near to where they belong as `apart` allows, and `within` its ends where there is room. */
export const spreadOut = (
  places: ReadonlyArray<number>,
  apart: number,
  [lowest, highest]: readonly [number, number] = [-Infinity, Infinity],
): ReadonlyArray<number> => {
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
  order.forEach((place, rank) => {
    spread[place] = Math.max(spread[place]!, lowest + rank * apart);
  });
  order.toReversed().forEach((place, rank) => {
    spread[place] = Math.min(spread[place]!, highest - rank * apart);
  });
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

/** The vertical axis of named rows, from the top. `middle` and `domain` share a unit; only the first panel of a figure shows the names. */
export const rowAxis = (
  rows: ReadonlyArray<{ readonly name: string; readonly middle: number }>,
  domain: readonly [number, number],
  isFirst: boolean,
) => ({
  field: "y",
  type: "quantitative",
  scale: { ...exactly(domain), reverse: true },
  axis: {
    title: null,
    values: rows.map(({ middle }) => middle),
    labelExpr: `${JSON.stringify(Object.fromEntries(rows.map(({ middle, name }) => [middle, cutName(name)])))}[datum.value]`,
    labelOverlap: false,
    labelLimit: 0,
    grid: false,
    ticks: false,
    domain: false,
    labels: isFirst,
    labelFontSize: 12,
  },
});
