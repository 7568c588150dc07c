/** A table as CSV: one line a row, per point first, then pooled. */
import type { Table, TableRow } from "../schemas/Table.ts";
import { csv } from "./csv.ts";

const metrics = ["a", "a_p", "a_r"] as const;

export const tableCsv = (table: Table): string => {
  const metricColumns = metrics.flatMap((metric) => [
    metric,
    `${metric}_low`,
    `${metric}_high`,
    `${metric}_n`,
  ]);
  const header = [...table.axes, "points", ...metricColumns, "perception_f1"];
  const line = (row: TableRow): ReadonlyArray<string | number> => [
    ...table.axes.map((axis) => row.labels[axis] ?? ""),
    row.points,
    ...metrics.flatMap((metric) => {
      const proportion = row[metric];
      return proportion === null
        ? ["", "", "", 0]
        : [proportion.value, proportion.low, proportion.high, proportion.n];
    }),
    row.perception_f1 ?? "",
  ];
  return csv([header, ...table.rows.map(line), ...table.pooled.map(line)]);
};
