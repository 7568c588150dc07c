/** Numbers in rows, from which people choose, which they sort and write in other forms. */
import type { Column } from "./gridText.ts";
import type { TextOptions } from "./tableText.ts";
import type { Style } from "./terminal.ts";

/** Axis → labels, one of which a row must have. */
export type Where = ReadonlyMap<string, ReadonlyArray<string>>;

export interface NumberRows {
  readonly axes: ReadonlyArray<string>;
  /** The labels of every row. */
  readonly labels: ReadonlyArray<Readonly<Record<string, string>>>;
  /** Names of columns and of groups of columns. */
  readonly columns: ReadonlyArray<string>;
  /** Names of columns by which rows can be sorted, besides axes. */
  readonly sortable: ReadonlyArray<string>;
  /** Rows that lack a label, since it is pooled, go. */
  readonly where: (where: Where) => NumberRows;
  /** By an axis in natural order or by a column from its largest; rows without a value last. No other name changes the order. */
  readonly sorted: (column: string, upwards: boolean | null) => NumberRows;
  /** Every column. */
  readonly csv: () => string;
  /** The points, then the pooled rows. */
  readonly grids: (columns?: ReadonlyArray<string>) => ReadonlyArray<ReadonlyArray<Column>>;
  readonly text: (title: string, style: Style, options: TextOptions) => string;
}

/** True for labels that a condition allows. */
export const matches = (where: Where, labels: Readonly<Record<string, string>>): boolean =>
  [...where].every(([axis, wanted]) => wanted.includes(labels[axis] ?? ""));

const natural = new Intl.Collator("en", { numeric: true });

/** Sorts rows by a value: labels in natural order, numbers from the largest, unless `upwards` says otherwise; null last. */
export const sortedBy = <Row>(
  rows: ReadonlyArray<Row>,
  valueOf: (row: Row) => number | string | null,
  upwards: boolean | null,
): ReadonlyArray<Row> =>
  rows.toSorted((one, other) => {
    const [first, second] = [valueOf(one), valueOf(other)];
    if (first === null || second === null) return Number(first === null) - Number(second === null);
    if (typeof first === "number" && typeof second === "number")
      return upwards === true ? first - second : second - first;
    const order = natural.compare(String(first), String(second));
    return upwards === false ? -order : order;
  });
