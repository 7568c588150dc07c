/** Measurements for the terminal and as claims of a bundle: a column for each metric. */
import { type ClaimedNumbers, claimId } from "./claims.ts";
import { type Cell, type Column, gridText } from "./gridText.ts";
import { type Measurements, pooledRows, type Repeated } from "./MeasurementsFile.ts";
import { printableName, type Style } from "./terminal.ts";
import { labelsText } from "../schemas/labels.ts";

export const measurementsText = (
  made: Measurements,
  title: string,
  style: Style,
  width: number,
): string => {
  const { points, pooled } = measurementColumns(made);
  return [
    style.bold(printableName(title)),
    ...gridText(points, width, style),
    ...(pooled === undefined
      ? []
      : ["", pooled.title, ...gridText(pooled.columns, width, style), style.dim(pooled.note)]),
  ].join("\n");
};

export interface MeasurementColumns {
  readonly points: ReadonlyArray<Column>;
  /** Undefined where nothing is pooled. */
  readonly pooled:
    | {
        readonly title: string;
        readonly columns: ReadonlyArray<Column>;
        /** The line under the table that explains its cells. */
        readonly note: string;
      }
    | undefined;
}

export const measurementColumns = (made: Measurements): MeasurementColumns => {
  const pooled = pooledRows(made);
  return {
    points: columns(made, made.axes, made.rows, pointCell),
    pooled:
      pooled.length === 0
        ? undefined
        : {
            title: `mean over ${made.pooledOver.map(printableName).join(", ")}`,
            columns: columns(made, keptAxes(made), pooled, repeatedCell),
            note: "mean, sd and number of the values pooled · 95 % intervals of the mean (Student)",
          },
  };
};

/** The axes that are not pooled over. */
export const keptAxes = ({ axes, pooledOver }: Measurements): ReadonlyArray<string> =>
  axes.filter((axis) => !pooledOver.includes(axis));

const columns = <Value>(
  { metrics }: Measurements,
  axes: ReadonlyArray<string>,
  rows: ReadonlyArray<{
    readonly labels: Readonly<Record<string, string>>;
    readonly values: Readonly<Record<string, Value>>;
  }>,
  cell: (value: Value) => Cell,
): ReadonlyArray<Column> => [
  ...axes.map((axis) => ({
    name: printableName(axis),
    isLabel: true as const,
    cells: rows.map(({ labels }) => ({ text: printableName(labels[axis] ?? "") })),
  })),
  ...metrics.map((name) => ({
    name: printableName(name),
    cells: rows.map(({ values }) => {
      const value = values[name];
      return value === undefined ? { text: "–" } : cell(value);
    }),
  })),
];

const pointCell = (value: number): Cell => ({ text: numberText(value) });

const repeatedCell = ({ n, mean, sd, low, high }: Repeated): Cell => ({
  text: `${numberText(mean)}${sd === null ? "" : ` sd ${numberText(sd)}`} (${n})`,
  ...(low === null || high === null ? {} : { under: `[${numberText(low)}, ${numberText(high)}]` }),
});

/** Four significant digits: nothing is known of the unit. */
const numberText = (value: number): string => String(Number(value.toPrecision(4)));

export const measurementsClaims = (node: string, made: Measurements): ClaimedNumbers => {
  const pooled = pooledRows(made);
  const claim = (
    labels: Readonly<Record<string, string>>,
    metric: string,
    { n, mean, low, high }: Omit<Repeated, "sd">,
    isHeadline: boolean,
  ) => ({
    id: claimId(node, labels, metric),
    text: [metric, labelsText(labels)].filter((part) => part !== "").join(", "),
    row: labels,
    metric,
    value: mean,
    low,
    high,
    n,
    ...(isHeadline ? { headline: { row: labelsText(labels), column: metric } } : {}),
  });
  return {
    numbers: [
      ...made.rows.flatMap(({ labels, values }) =>
        Object.entries(values).map(([metric, mean]) =>
          claim(labels, metric, { n: 1, mean, low: null, high: null }, pooled.length === 0),
        ),
      ),
      ...pooled.flatMap(({ labels, values }) =>
        Object.entries(values).map(([metric, value]) => claim(labels, metric, value, true)),
      ),
    ],
    facts:
      pooled.length === 0
        ? []
        : [`intervals: Student 95 % of the mean over ${made.pooledOver.join(" and ")}`],
    legend: "Metrics as the experiment's own programs measured them.",
    pooledOver: made.pooledOver,
  };
};
