/** The correlations of each reward: a dot and an interval for each point and seed, a panel for each reading. */
import {
  associationsOf,
  readingNames,
  rewardNames,
  type Shown,
  targetNames,
} from "../associations.ts";
import type { Page } from "../Page.ts";
import type { Figure } from "../Study.ts";
import type { Reading, Target } from "../../../schemas/Correlation.ts";
import { colours, exactly, roomFor, rowAxis } from "../../../report/figures/draw.ts";

type Options = Extract<Figure, { readonly show: "correlations" }>;

const fullWidth = 680;
const dotHeight = 11;

interface Dot {
  readonly shown: Shown;
  readonly y: number;
}

export const correlationsChart = (page: Page, options: Options): object => {
  const correlations = page.correlations(options.of);
  const all = associationsOf(correlations, options, page.study.seed);
  const groups = [
    ...Map.groupBy(all, ({ reward, point }) => JSON.stringify([reward, point])).values(),
  ];
  const several = {
    rewards: new Set(all.map(({ reward }) => reward)).size > 1,
    points: new Set(all.map(({ point }) => point)).size > 1,
  };
  // Rows: in each the targets one below the other, and in those the seeds.
  const dots: Array<Dot> = [];
  const rows: Array<{ readonly middle: number; readonly name: string; readonly first: Shown }> = [];
  let y = 0;
  for (const group of groups) {
    const lines = [
      ...Map.groupBy(group, ({ target, seed }) => JSON.stringify([target, seed])).values(),
    ];
    const ordered = lines.toSorted((one, other) => order(one, options) - order(other, options));
    for (const line of ordered) {
      for (const shown of line) dots.push({ shown, y });
      y += 1;
    }
    const first = group[0]!;
    rows.push({ middle: y - (lines.length + 1) / 2, name: rowName(first, several), first });
    y += 1;
  }
  const { published } = correlations;
  const bands = options.readings.includes(published.reading)
    ? bandsOf(dots, rows, published, options.targets)
    : [];
  const shown = dots.flatMap(({ shown: { estimate } }) =>
    [0, estimate.value, estimate.low, estimate.high].filter((value) => value !== null),
  );
  const extent = roomFor([...shown, ...bands.flatMap(({ low, high }) => [low, high])], {
    least: -1,
    most: 1.02,
  });
  return {
    resolve: { scale: { color: "independent" } },
    hconcat: options.readings.map((reading, index) =>
      panel({
        dots: dots.filter(({ shown }) => shown.reading === reading),
        rows,
        height: y * dotHeight + 8,
        rowsEnd: y - 1,
        width: Math.round(fullWidth / options.readings.length) - 50,
        extent,
        reading,
        isFirst: index === 0,
        bands: reading === published.reading ? bands : [],
        targets: options.targets,
      }),
    ),
  };
};

const order = ([shown]: ReadonlyArray<Shown>, { targets }: Options): number =>
  shown === undefined ? 0 : targets.indexOf(shown.target);

const rowName = (
  { reward, point }: Shown,
  several: { readonly rewards: boolean; readonly points: boolean },
): string =>
  [
    ...(several.rewards || !several.points ? [rewardNames(reward)] : []),
    ...(several.points ? [point] : []),
  ].join(", ");

/** The published range of the outcome's correlations, behind the dots to compare with it. */
const bandsOf = (
  dots: ReadonlyArray<Dot>,
  rows: ReadonlyArray<{ readonly first: Shown }>,
  published: ReturnType<Page["correlations"]>["published"],
  targets: ReadonlyArray<Target>,
) =>
  rows
    .filter(({ first }) => first.reward === "outcome")
    .flatMap(({ first: { point } }) =>
      targets.flatMap((target) => {
        if (target === "counterfactual") return [];
        const own = dots.filter(
          ({ shown }) =>
            shown.reward === "outcome" && shown.point === point && shown.target === target,
        );
        const ys = own.map(({ y }) => y);
        const { low, high } =
          target === "reasoning"
            ? published.outcome_with_reasoning
            : published.outcome_with_perception;
        return [{ low, high, from: Math.min(...ys) - 0.5, to: Math.max(...ys) + 0.5, target }];
      }),
    );

interface Panel {
  readonly dots: ReadonlyArray<Dot>;
  readonly rows: ReadonlyArray<{ readonly middle: number; readonly name: string }>;
  readonly height: number;
  readonly rowsEnd: number;
  readonly width: number;
  readonly extent: readonly [number, number];
  readonly reading: Reading;
  readonly isFirst: boolean;
  readonly bands: ReadonlyArray<object>;
  readonly targets: ReadonlyArray<Target>;
}

const panel = ({
  dots,
  rows,
  height,
  rowsEnd,
  width,
  extent,
  reading,
  isFirst,
  bands,
  targets,
}: Panel): object => {
  const x = {
    field: "value",
    type: "quantitative",
    scale: exactly(extent),
    axis: { title: "correlation", tickCount: 5 },
  };
  const y = rowAxis(rows, [-0.7, rowsEnd - 0.3], isFirst);
  const color = {
    field: "target",
    type: "nominal",
    scale: { domain: targets, range: targets.map((target) => colours[target]) },
    legend: isFirst
      ? {
          title: null,
          orient: "bottom",
          symbolType: "circle",
          symbolOpacity: 1,
          labelExpr: `${JSON.stringify(targetNames)}[datum.value]`,
          labelFontSize: 11.5,
          labelLimit: 300,
        }
      : null,
  };
  const values = dots.flatMap(({ shown: { target, estimate }, y }) =>
    estimate.value === null ? [] : [{ target, y, ...estimate }],
  );
  const spans = values.filter(({ low }) => low !== null);
  return {
    title: readingNames[reading],
    width,
    height,
    layer: [
      {
        data: { values: bands },
        mark: { type: "rect", opacity: 0.16 },
        encoding: {
          x: { ...x, field: "low" },
          x2: { field: "high" },
          y: { ...y, field: "from" },
          y2: { field: "to" },
          color,
        },
      },
      {
        data: { values: [{ value: 0 }] },
        mark: { type: "rule", color: "#666666", strokeWidth: 1 },
        encoding: { x },
      },
      {
        data: { values: spans },
        mark: { type: "rule", strokeWidth: 1.6 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y, color },
      },
      {
        data: { values },
        mark: { type: "point", filled: true, size: 44, opacity: 1 },
        encoding: { x, y, color },
      },
    ],
  };
};
