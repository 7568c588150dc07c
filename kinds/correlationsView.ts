/** Correlations as people ask for them: some rows and readings, in some order, as text, CSV, Markdown or LaTeX. */
import {
  contrastTarget,
  correlationReadings,
  type CorrelationRow,
  correlationRows,
  type Correlations,
  correlationsCsv,
} from "./CorrelationsFile.ts";
import { estimateCell, readingNames } from "./correlationsText.ts";
import { type Cell, type Column, gridText } from "./gridText.ts";
import { matches, type NumberRows, sortedBy, type Where } from "./NumberRows.ts";
import { printableName } from "./terminal.ts";

export const correlationsView = (made: Correlations): NumberRows =>
  viewOf({ ...made, rows: correlationRows(made) });

interface View extends Pick<Correlations, "axes" | "points" | "across" | "models"> {
  readonly rows: ReadonlyArray<CorrelationRow>;
}

const numberColumns = [...correlationReadings, "phi_max"] as const;

type NumberColumn = (typeof numberColumns)[number];

/** Left out of a narrow terminal, the highest first. */
const dropped: ReadonlyMap<NumberColumn, number> = new Map([
  ["prompt_means", 1],
  ["phi_max", 2],
]);

const valueOf = (row: CorrelationRow, column: NumberColumn): number | null =>
  column === "phi_max" ? (row.table?.phi_max ?? null) : row[column].value;

const viewOf = (view: View): NumberRows => {
  const { axes, rows, across } = view;
  const reward = rewardAxis(axes);
  const labelsOf = (row: Pick<CorrelationRow, "reward" | "target">) => ({
    [reward]: row.reward,
    with: row.target,
  });
  const allLabels = (row: CorrelationRow): Readonly<Record<string, string>> => ({
    ...row.labels,
    ...labelsOf(row),
  });
  const valueBy = (name: string) => (row: CorrelationRow) => {
    const column = numberColumns.find((each) => each === name);
    if (column !== undefined) return valueOf(row, column);
    return allLabels(row)[name] ?? null;
  };
  const grids = (columns?: ReadonlyArray<string>) => gridsOf(view, columns);
  return {
    axes: [...axes, reward, "with"],
    labels: rows.map(allLabels),
    columns: numberColumns,
    sortable: numberColumns,
    where: (where: Where) =>
      viewOf({
        ...view,
        rows: rows.filter((row) => matches(where, allLabels(row))),
        across: across.filter((each) => matches(where, labelsOf(each))),
      }),
    sorted: (name, upwards) => viewOf({ ...view, rows: sortedBy(rows, valueBy(name), upwards) }),
    csv: () => correlationsCsv(view, rows),
    grids,
    text: (title, style, { width, columns }) =>
      [
        style.bold(printableName(title)),
        ...(view.models ?? []).map((model) => `model: ${printableName(model)}`),
        ...grids(columns).flatMap((grid, index) => [
          ...(index === 0 ? [] : ["", "rank correlation of checkpoint means"]),
          ...gridText(grid, width, style),
        ]),
      ].join("\n"),
  };
};

/** The experiment may have an axis `reward` of its own. */
const rewardAxis = (axes: ReadonlyArray<string>): string =>
  axes.includes("reward") ? "reward part" : "reward";

/**
 * The correlations, then the rank correlations across checkpoints unless columns are chosen. As in the terminal, contrasts of
 * surrogates are left to the CSV.
 */
const gridsOf = (
  { axes, rows: all, points, across }: View,
  columns: ReadonlyArray<string> = [],
): ReadonlyArray<ReadonlyArray<Column>> => {
  const rows = all.filter(
    ({ reward, target }) => target !== contrastTarget || reward === "outcome",
  );
  const names = [rewardAxis(axes), "with"];
  const shown = numberColumns.filter((name) => columns.length === 0 || columns.includes(name));
  const correlations = [
    ...axes.map((axis) =>
      labelColumn(
        axis,
        rows.map(({ labels }) => labels[axis] ?? ""),
      ),
    ),
    ...nameColumns(names, rows),
    ...shown.map((name) => ({
      name: name === "phi_max" ? name : readingNames[name],
      ...droppedAs(name),
      cells: rows.map((row) => cellOf(row, name)),
    })),
  ];
  if (points.length < 2 || across.length === 0 || columns.length > 0) return [correlations];
  const spearman = [
    ...nameColumns(names, across),
    {
      name: "checkpoints",
      cells: across.map(({ checkpoints }) => ({ text: String(checkpoints) })),
    },
    { name: "Spearman", cells: across.map((each) => estimateCell(each.spearman)) },
  ];
  return [correlations, spearman];
};

const droppedAs = (name: NumberColumn): Pick<Column, "dropped"> => {
  const order = dropped.get(name);
  return order === undefined ? {} : { dropped: order };
};

const labelColumn = (name: string, texts: ReadonlyArray<string>): Column => ({
  name: printableName(name),
  isLabel: true,
  cells: texts.map((text) => ({ text: printableName(text) })),
});

const nameColumns = (
  [reward = "", target = ""]: ReadonlyArray<string>,
  rows: ReadonlyArray<Pick<CorrelationRow, "reward" | "target">>,
): ReadonlyArray<Column> => [
  labelColumn(
    reward,
    rows.map((row) => row.reward),
  ),
  labelColumn(
    target,
    rows.map((row) => row.target),
  ),
];

/** Counterfactual rollouts share only the prompt with the others, so they have prompt means alone. */
const cellOf = (row: CorrelationRow, name: NumberColumn): Cell => {
  if (name === "phi_max") return { text: row.table?.phi_max?.toFixed(2) ?? "" };
  const isEmpty = row.target === "counterfactual" && name !== "prompt_means";
  return isEmpty ? { text: "" } : estimateCell(row[name]);
};
