/** Correlations of rewards: for each reward and target the mean over seeds, a circle for each seed, and a panel for each reading. */
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { Estimate, Reading, Target } from "../../schemas/Correlation.ts";
import { armName } from "../analysis/Arms.ts";
import { exactly, pageColours, roomFor, rowAxis } from "./draw.ts";

const readings = {
  pooled: "over all rollouts",
  group_centred: "within groups (what GRPO learns from)",
} as const satisfies Partial<Record<Reading, string>>;

const targets = {
  reasoning: { name: "with reasoning", color: pageColours.a_r },
  perception: { name: "with perception", color: pageColours.a_p },
} as const satisfies Partial<Record<Target, object>>;

/** More rows are unreadable. */
export const mostRows = 30;

const seedAxis = "seed";
const lineHeight = 15;

interface Line {
  readonly target: keyof typeof targets;
  readonly reading: keyof typeof readings;
  readonly y: number;
  readonly estimates: ReadonlyArray<Estimate>;
}

/** A reward at a point, its lines below each other. */
export interface CorrelationRow {
  readonly reward: string;
  readonly name: string;
  readonly lines: ReadonlyArray<Omit<Line, "y">>;
}

/** The rows of these rewards, or of all. */
export const correlationRows = (
  { points }: Correlations,
  rewards?: ReadonlyArray<string>,
): ReadonlyArray<CorrelationRow> => {
  const all = points.flatMap(({ labels, associations }) => {
    const axes = Object.keys(labels).filter((axis) => axis !== seedAxis);
    const point = armName(axes, labels);
    return associations
      .filter(({ reward }) => rewards?.includes(reward) ?? true)
      .map((association) => ({ ...association, point }));
  });
  const isOnePoint = new Set(all.map(({ point }) => point)).size === 1;
  const isOneReward = new Set(all.map(({ reward }) => reward)).size === 1;
  const nameOf = ({ reward, point }: (typeof all)[number]) =>
    [
      ...(isOneReward && !isOnePoint ? [] : [reward.replaceAll("_", " ")]),
      ...(isOnePoint ? [] : [point]),
    ].join(", ");
  return [...Map.groupBy(all, nameOf)].map(([name, own]) => ({
    name,
    reward: own[0]!.reward,
    lines: (Object.keys(readings) as ReadonlyArray<keyof typeof readings>).flatMap((reading) =>
      (Object.keys(targets) as ReadonlyArray<keyof typeof targets>).map((target) => ({
        target,
        reading,
        estimates: own
          .filter((each) => each.target === target)
          .map((each) => each[reading])
          .filter(({ value }) => value !== null),
      })),
    ),
  }));
};

export type ShownReading = keyof typeof readings;

/** Behind the outcome's lines stands the published range of its correlations. */
export const correlationsChart = (
  rows: ReadonlyArray<CorrelationRow>,
  published: Correlations["published"],
  width: number,
  shown: ReadonlyArray<ShownReading> = ["pooled", "group_centred"],
): object => {
  const perRow = Object.keys(targets).length;
  const lines = rows.flatMap(({ lines: own }, row) =>
    own.map((line): Line => ({
      ...line,
      y: row * (perRow + 1) + Object.keys(targets).indexOf(line.target),
    })),
  );
  const bands = bandsOf(lines, rows, perRow + 1, published);
  const ends = lines.flatMap(({ estimates }) =>
    estimates.flatMap(({ value, low, high }) => [
      value ?? 0,
      low ?? value ?? 0,
      high ?? value ?? 0,
    ]),
  );
  const plot = {
    names: rows.map(({ name }) => name),
    domain: roomFor(
      [
        0,
        ...ends,
        ...(shown.includes(published.reading as ShownReading)
          ? bands.flatMap(({ low, high }) => [low, high])
          : []),
      ],
      { least: -1, most: 1.02 },
    ),
    perRow,
    width,
  };
  return {
    hconcat: shown.map((reading, index) =>
      panel(
        lines.filter((line) => line.reading === reading),
        {
          ...plot,
          title: readings[reading],
          isFirst: index === 0,
          bands: reading === published.reading ? bands : [],
        },
      ),
    ),
  };
};

interface Band {
  readonly target: keyof typeof targets;
  readonly low: number;
  readonly high: number;
  readonly from: number;
  readonly to: number;
}

const bandsOf = (
  lines: ReadonlyArray<Line>,
  rows: ReadonlyArray<CorrelationRow>,
  step: number,
  { reading, outcome_with_reasoning, outcome_with_perception }: Correlations["published"],
): ReadonlyArray<Band> =>
  lines
    .filter(
      (line) => line.reading === reading && rows[Math.floor(line.y / step)]?.reward === "outcome",
    )
    .map(({ target, y }) => {
      const { low, high } =
        target === "reasoning" ? outcome_with_reasoning : outcome_with_perception;
      return { target, low, high, from: y - 0.5, to: y + 0.5 };
    });

interface Plot {
  readonly names: ReadonlyArray<string>;
  readonly domain: readonly [number, number];
  readonly perRow: number;
  readonly width: number;
  readonly title: string;
  readonly isFirst: boolean;
  readonly bands: ReadonlyArray<Band>;
}

const panel = (
  lines: ReadonlyArray<Line>,
  { names, domain, perRow, width, title, isFirst, bands }: Plot,
): object => {
  const step = perRow + 1;
  const middleOf = (row: number) => row * step + (perRow - 1) / 2;
  const x = {
    field: "value",
    type: "quantitative",
    scale: exactly(domain),
    axis: { title: "correlation", tickCount: 4 },
  };
  const rows = names.map((name, row) => ({ name, middle: middleOf(row) }));
  const y = rowAxis(rows, [-1, names.length * step - 1], isFirst);
  const layer = (of: ReadonlyArray<object>, mark: object, encoding: object = {}) => ({
    data: { values: of },
    mark,
    encoding: { x, y, color, ...encoding },
  });
  const known = lines.flatMap(({ estimates, target, y: at }) =>
    estimates.length === 0 ? [] : [{ target, y: at, estimates }],
  );
  const singles = known.flatMap(({ estimates: [only, ...more], ...line }) =>
    only === undefined || more.length > 0 || only.low === null ? [] : [{ ...line, ...only }],
  );
  return {
    title: { text: title, fontSize: 11.5 },
    width,
    height: names.length * step * lineHeight,
    layer: [
      layer(
        bands,
        { type: "rect", opacity: 0.16 },
        {
          x: { ...x, field: "low" },
          x2: { field: "high" },
          y: { ...y, field: "from" },
          y2: { field: "to" },
        },
      ),
      {
        data: { values: [{ value: 0 }] },
        mark: { type: "rule", color: pageColours.quiet, strokeWidth: 1 },
        encoding: { x },
      },
      layer(
        singles,
        { type: "rule", strokeWidth: 1.6 },
        { x: { ...x, field: "low" }, x2: { field: "high" } },
      ),
      layer(
        known.flatMap(({ estimates, ...line }) =>
          estimates.length < 2 ? [] : estimates.map(({ value }) => ({ ...line, value })),
        ),
        { type: "point", size: 22, strokeWidth: 1, opacity: 0.75 },
      ),
      layer(
        known.map(({ estimates, ...line }) => ({
          ...line,
          value: estimates.reduce((sum, { value }) => sum + (value ?? 0), 0) / estimates.length,
        })),
        { type: "point", filled: true, size: 52, opacity: 1 },
      ),
    ],
  };
};

/** Both panels share one legend, below. */
const color = {
  field: "target",
  type: "nominal",
  scale: {
    domain: Object.keys(targets),
    range: Object.values(targets).map(({ color: of }) => of),
  },
  legend: {
    title: null,
    orient: "bottom",
    symbolType: "circle",
    symbolOpacity: 1,
    labelExpr: `${JSON.stringify(Object.fromEntries(Object.entries(targets).map(([target, { name }]) => [target, name])))}[datum.label]`,
    labelFontSize: 12,
  },
};
