/** Tables as people ask for them: some rows, in some order, as Markdown or LaTeX. */
import { gridLatex, gridMarkdown } from "./gridForms.ts";
import type { Column } from "./gridText.ts";
import { matches, type NumberRows, sortedBy, type Where } from "./NumberRows.ts";
import {
  axisColumns,
  columnNames,
  columnsNamed,
  defaultColumns,
  numberNames,
  type TableColumn,
} from "./tableColumns.ts";
import { type Table, tableCsv, type TableRow } from "./TableFile.ts";
import { blocksOf, tableText } from "./tableText.ts";

export const tableRows = (table: Table): NumberRows => ({
  axes: table.axes,
  labels: table.rows.map(({ labels }) => labels),
  columns: columnNames,
  sortable: numberNames,
  where: (where) => tableRows(tableWhere(table, where)),
  sorted: (column, upwards) => tableRows(tableSorted(table, column, upwards)),
  csv: () => tableCsv(table),
  grids: (columns) => tableGrids(table, columns),
  text: (title, style, options) => tableText(table, title, style, options),
});

const tableWhere = (table: Table, where: Where): Table => {
  const { rows, pooled, contrasts } = table;
  return {
    ...table,
    rows: rows.filter(({ labels }) => matches(where, labels)),
    pooled: pooled.filter(({ labels }) => matches(where, labels)),
    ...(contrasts === undefined
      ? {}
      : {
          contrasts: contrasts.filter(({ labels, axis, arm }) =>
            matches(where, { ...labels, [axis]: arm }),
          ),
        }),
  };
};

const tableSorted = (table: Table, column: string, upwards: boolean | null): Table => {
  const sort = (rows: ReadonlyArray<TableRow>): ReadonlyArray<TableRow> => {
    const by: TableColumn | undefined = [
      ...axisColumns(table, rows),
      ...columnsNamed([column]),
    ].find(({ name }) => name === column);
    return by === undefined ? rows : sortedBy(rows, by.value, upwards);
  };
  return { ...table, rows: sort(table.rows), pooled: sort(table.pooled) };
};

const tableGrids = (
  table: Table,
  columns: ReadonlyArray<string> = defaultColumns,
): ReadonlyArray<ReadonlyArray<Column>> =>
  blocksOf(table).flatMap((rows = []) => [
    [...axisColumns(table, rows), ...columnsNamed(columns)].map((column) => ({
      ...column,
      cells: rows.map(column.cell),
    })),
  ]);

export const tableMarkdown = (table: Table): string =>
  tableGrids(table).map(gridMarkdown).join("\n");

export const tableLatex = (table: Table): string => tableGrids(table).map(gridLatex).join("\n");
