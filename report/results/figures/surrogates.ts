/** The gain of a surrogate by its correlation with perception before: a dot with its intervals for each arm, a small one for each seed. */
import { readingNames } from "../associations.ts";
import { armName } from "../Arms.ts";
import { differencesNamed } from "../differences.ts";
import type { Page } from "../Page.ts";
import { type Options, type Promised, promises, rankingOf, type Surrogate } from "../surrogates.ts";
import {
  exactly,
  pageColours,
  pagePalette,
  roomFor,
  signedLabels,
  spreadOut,
} from "../../figures/draw.ts";

const width = 290;
const height = 260;

export const surrogatesChart = (page: Page, options: Options): object => {
  const { surrogates } = rankingOf(page, options);
  const { axis, baseline } = differencesNamed(page, options.differences);
  const gains = surrogates.flatMap(({ gain }) => [
    0,
    gain.mean ?? 0,
    ...gain.seeds.map(({ value }) => value),
    ...(gain.low === null || gain.high === null ? [] : [gain.low, gain.high]),
  ]);
  return {
    hconcat: promises.map((reading, index) =>
      panel(surrogates, reading, {
        range: roomFor(gains),
        title:
          index === 0 ? `${options.gain} − ${options.gain} of ${armName(axis, baseline)}` : null,
      }),
    ),
  };
};

/** The arms with a correlation and a gain, and the ends of their intervals: of the correlation from left to right. */
const dotsOf = (surrogates: ReadonlyArray<Surrogate>, reading: Promised) =>
  surrogates.flatMap(({ arm, promised, spread, gain, seeds }, index) => {
    const r = promised[reading];
    if (r === null || gain.mean === null) return [];
    const { low, high } = gain;
    return [
      {
        arm,
        r,
        gain: gain.mean,
        low,
        high,
        left: spread[reading].low,
        right: spread[reading].high,
        seeds,
        colour: pagePalette[index % pagePalette.length],
      },
    ];
  });

const panel = (
  surrogates: ReadonlyArray<Surrogate>,
  reading: Promised,
  { range, title }: { readonly range: readonly [number, number]; readonly title: string | null },
): object => {
  const known = dotsOf(surrogates, reading);
  const dots = known.flatMap(({ seeds, colour }) =>
    seeds.length < 2
      ? []
      : seeds.map(({ promised, gain }) => ({ r: promised[reading], gain, colour })),
  );
  const { x, y } = axesOf(
    [...[...known, ...dots].map(({ r }) => r ?? 0), ...known.map(({ left }) => left ?? 0)],
    range,
    title,
  );
  const color = { field: "colour", type: "nominal", scale: null, legend: null };
  const places = spreadOut(
    known.map(({ gain }) => gain),
    ((range[1] - range[0]) * 15) / height,
  );
  // Beside the dots, where names would cover the intervals of others.
  const labels = known.map((each, index) => ({ ...each, gain: places[index], beside: 1.06 }));
  return {
    title: readingNames[reading],
    width,
    height,
    layer: [
      {
        data: { values: [{ gain: 0 }] },
        mark: { type: "rule", color: pageColours.quiet, strokeWidth: 1 },
        encoding: { y },
      },
      {
        data: { values: dots },
        mark: { type: "point", size: 20, strokeWidth: 1, opacity: 0.7 },
        encoding: { x, y, color },
      },
      {
        data: { values: known.filter(({ low }) => low !== null) },
        mark: { type: "rule", strokeWidth: 2 },
        encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color },
      },
      {
        data: { values: known.filter(({ left }) => left !== null) },
        mark: { type: "rule", strokeWidth: 2 },
        encoding: { x: { ...x, field: "left" }, x2: { field: "right" }, y, color },
      },
      {
        data: { values: known },
        mark: { type: "point", filled: true, size: 64, opacity: 1 },
        encoding: { x, y, color },
      },
      {
        data: { values: labels },
        mark: { type: "text", align: "left", fontSize: 11.5 },
        encoding: { x: { ...x, field: "beside" }, y, text: { field: "arm" }, color },
      },
    ],
  };
};

const axesOf = (
  correlations: ReadonlyArray<number>,
  range: readonly [number, number],
  title: string | null,
) => {
  const least = Math.min(0, ...correlations);
  const x = {
    field: "r",
    type: "quantitative",
    // Names need room beyond 1.
    scale: exactly([least - 0.06, 1.4]),
    axis: {
      title: "correlation of the reward with perception",
      values: [-1, -0.8, -0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8, 1].filter(
        (value) => value >= least,
      ),
    },
  };
  const y = {
    field: "gain",
    type: "quantitative",
    scale: exactly(range),
    axis: { title, tickCount: 5, ...signedLabels },
  };
  return { x, y };
};
