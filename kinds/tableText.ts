/** A table for the terminal: a line for each point, then the pooled lines, then the contrasts. */
import { type Column, gridText } from "./gridText.ts";
import {
  axisColumns,
  columnsNamed,
  defaultColumns,
  intervalText,
  legendOf,
  none,
  shareText,
  type TableColumn,
} from "./tableColumns.ts";
import type { Table, TableContrast, TableRow } from "./TableFile.ts";
import { printableName, type Style } from "./terminal.ts";

export interface TextOptions {
  /** Cells of a line. */
  readonly width: number;
  /** Names of columns or of groups of columns. */
  readonly columns?: ReadonlyArray<string>;
}

export const tableText = (
  table: Table,
  title: string,
  style: Style,
  { width, columns = defaultColumns }: TextOptions,
): string => {
  const { models = [], contrasts = [], pooledOver } = table;
  const named = columnsNamed(columns);
  const grid = (rows: ReadonlyArray<TableRow>) =>
    gridText(filled([...axisColumns(table, rows), ...named], rows), width, style);
  const [points, pooled] = blocksOf(table);
  const legend = legendOf(named.map(({ name }) => name));
  return [
    style.bold(printableName(title)),
    ...(models.length === 0 ? [] : [`model: ${printableName(models.join("; "))}`]),
    ...grid(points),
    ...(pooled === undefined ? [] : ["", `pooled over ${pooledOver.join(", ")}`, ...grid(pooled)]),
    ...(contrasts.length === 0 ? [] : ["", ...contrastLines(contrasts, width, style)]),
    ...folded(
      [legend, intervalNote(table)].filter((part) => part !== ""),
      width,
    ).map(style.dim),
  ].join("\n");
};

/** The points, and the pooled rows where these say more. */
export const blocksOf = ({
  rows,
  pooled,
}: Table): readonly [points: ReadonlyArray<TableRow>, pooled?: ReadonlyArray<TableRow>] =>
  pooled.some(({ points }) => points > 1) ? [rows, pooled] : [rows];

const filled = (
  columns: ReadonlyArray<TableColumn>,
  rows: ReadonlyArray<TableRow>,
): ReadonlyArray<Column> => columns.map((column) => ({ ...column, cells: rows.map(column.cell) }));

export const intervalNote = ({ interval, pooled, rows }: Table): string => {
  if (interval === "Wilson 95 %") return "Wilson 95 % intervals, every answer independent";
  const counts = [...new Set(rows.flatMap(({ a }) => a?.instances ?? []))];
  const known = counts.length === 1 ? `${counts[0]} instances` : "instances";
  return pooled.some(({ points }) => points > 1)
    ? `95 % intervals over ${known}; pooled: over seeds and instances`
    : `95 % intervals over ${known}`;
};

/** Breaks between parts, then between words. */
const folded = (parts: ReadonlyArray<string>, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = [];
  for (const word of parts.join(" · ").split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
};

const contrastLines = (
  contrasts: ReadonlyArray<TableContrast>,
  width: number,
  style: Style,
): ReadonlyArray<string> => {
  const notes = new Set(contrasts.flatMap(({ note }) => note ?? []));
  return [
    "contrasts on the same pictures",
    ...gridText(contrastColumns(contrasts), width, style),
    ...[...notes].flatMap((note) => folded([note], width)),
  ];
};

export const contrastColumns = (contrasts: ReadonlyArray<TableContrast>): ReadonlyArray<Column> => {
  const column = (
    name: string,
    cell: (each: TableContrast) => Column["cells"][number],
    more: Pick<Column, "isLabel" | "dropped"> = {},
  ): Column => ({ name, ...more, cells: contrasts.map(cell) });
  const number = (value: number | null, text: (value: number) => string) =>
    value === null ? none : { text: text(value) };
  const withMargin = contrasts.find(({ margin }) => margin !== null)?.margin;
  const margin = withMargin ? shareText(withMargin.value) : "";
  return [
    ...Object.keys(contrasts[0]?.labels ?? {}).map((axis) =>
      column(axis, ({ labels }) => ({ text: printableName(labels[axis] ?? "") }), {
        isLabel: true,
      }),
    ),
    column("contrast", ({ arm, baseline }) => ({ text: printableName(`${arm} − ${baseline}`) }), {
      isLabel: true,
    }),
    column("of", ({ metric }) => ({ text: metric }), { isLabel: true }),
    column("difference", ({ value, low, high }) =>
      value === null
        ? none
        : {
            text: signedText(value),
            ...(low === null || high === null ? {} : { under: intervalText(low, high) }),
          },
    ),
    column("sd", ({ sd }) => number(sd, shareText), { dropped: 1 }),
    column("p", ({ p }) => number(p, pText)),
    column("p (Holm)", ({ p_holm: p }) => number(p, pText)),
    ...(withMargin
      ? [
          column(`p (> −${margin})`, (each) => number(each.margin?.not_worse ?? null, pText)),
          column(`p (within ${margin})`, (each) => number(each.margin?.equivalent ?? null, pText), {
            dropped: 2,
          }),
        ]
      : []),
  ];
};

/** A difference of shares, such as +.021. */
export const signedText = (value: number): string => `${value < 0 ? "" : "+"}${shareText(value)}`;

export const pText = (p: number): string => (p < 0.001 ? "<.001" : shareText(p));
