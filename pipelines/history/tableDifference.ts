/** Differences between two tables: rows of equal labels are compared number by number. Pure. */
import type { Table, TableRow } from "../../kinds/TableFile.ts";
import { type ProportionDifference, proportionDifference } from "../../stats/newcombe.ts";
import { labelKey } from "../experiment/Node.ts";

export type MetricName = "a" | "a_p" | "a_r";

export interface MetricDifference {
  readonly metric: MetricName;
  readonly old: TableRow[MetricName];
  readonly new: TableRow[MetricName];
  /** New minus old, where both have the number. */
  readonly difference?: ProportionDifference;
  /** The interval of the difference contains zero. */
  readonly withinNoise?: boolean;
}

export interface RowDifference {
  readonly labels: TableRow["labels"];
  /** The number of points, for a pooled row. */
  readonly pooled?: number;
  readonly metrics: ReadonlyArray<MetricDifference>;
  readonly f1: { readonly old: number | null; readonly new: number | null };
}

export interface TableDifference {
  readonly changed: ReadonlyArray<RowDifference>;
  readonly same: number;
  readonly onlyOld: ReadonlyArray<TableRow>;
  readonly onlyNew: ReadonlyArray<TableRow>;
}

export const tableDifference = (old: Table, now: Table): TableDifference => {
  const rows = rowDifferences(old.rows, now.rows, false);
  // A pooled row of one point repeats that point's row.
  const pooled = (table: Table) => table.pooled.filter(({ points }) => points > 1);
  const pools = rowDifferences(pooled(old), pooled(now), true);
  return { ...rows, changed: [...rows.changed, ...pools.changed] };
};

const rowDifferences = (
  old: ReadonlyArray<TableRow>,
  now: ReadonlyArray<TableRow>,
  arePooled: boolean,
): TableDifference => {
  const before = new Map(old.map((row) => [labelKey(row.labels), row]));
  const after = new Set(now.map(({ labels }) => labelKey(labels)));
  const compared = now.flatMap((row) => {
    const was = before.get(labelKey(row.labels));
    return was === undefined ? [] : [rowDifference(was, row, arePooled)];
  });
  const changed = compared.filter(
    ({ metrics, f1 }) => metrics.some(isChanged) || f1.old !== f1.new,
  );
  return {
    changed,
    same: compared.length - changed.length,
    onlyOld: old.filter(({ labels }) => !after.has(labelKey(labels))),
    onlyNew: now.filter(({ labels }) => !before.has(labelKey(labels))),
  };
};

const isChanged = ({ old, new: now }: MetricDifference): boolean =>
  old?.successes !== now?.successes || old?.n !== now?.n;

const rowDifference = (old: TableRow, now: TableRow, isPooled: boolean): RowDifference => ({
  labels: now.labels,
  ...(isPooled ? { pooled: now.points } : {}),
  metrics: (["a", "a_p", "a_r"] as const).map((metric) =>
    metricDifference(metric, old[metric], now[metric]),
  ),
  f1: { old: old.perception_f1, new: now.perception_f1 },
});

const metricDifference = (
  metric: MetricName,
  old: TableRow[MetricName],
  now: TableRow[MetricName],
): MetricDifference => {
  if (old === null || now === null) return { metric, old, new: now };
  const difference = proportionDifference(now, old);
  const withinNoise = difference.low <= 0 && difference.high >= 0;
  return { metric, old, new: now, difference, withinNoise };
};
