/** Tables as people ask for them: some rows, in some order, as Markdown or LaTeX. */
import { inlineText } from "./gridText.ts";
import { axisColumns, columnsNamed, defaultColumns, type TableColumn } from "./tableColumns.ts";
import type { Table, TableRow } from "./TableFile.ts";
import { blocksOf } from "./tableText.ts";

/** Axis → labels, one of which a row must have. */
export type Where = ReadonlyMap<string, ReadonlyArray<string>>;

/** Rows that lack a label, since it is pooled, go. */
export const tableWhere = (table: Table, where: Where): Table => {
  const matches = (labels: TableRow["labels"]): boolean =>
    [...where].every(([axis, wanted]) => wanted.includes(labels[axis] ?? ""));
  const { rows, pooled, contrasts } = table;
  return {
    ...table,
    rows: rows.filter(({ labels }) => matches(labels)),
    pooled: pooled.filter(({ labels }) => matches(labels)),
    ...(contrasts === undefined
      ? {}
      : {
          contrasts: contrasts.filter(({ labels, axis, arm }) =>
            matches({ ...labels, [axis]: arm }),
          ),
        }),
  };
};

/** By a column: labels in natural order, numbers from the largest; rows without a value last. */
export const tableSorted = (table: Table, column: string, upwards: boolean | null): Table => {
  const sort = (rows: ReadonlyArray<TableRow>): ReadonlyArray<TableRow> => {
    const by: TableColumn | undefined = [
      ...axisColumns(table, rows),
      ...columnsNamed([column]),
    ].find(({ name }) => name === column);
    if (by === undefined) return rows;
    const sign = (upwards ?? by.isLabel === true) ? 1 : -1;
    return rows.toSorted((one, other) => {
      const [first, second] = [by.value(one), by.value(other)];
      if (first === null || second === null)
        return Number(first === null) - Number(second === null);
      return sign * compare(first, second);
    });
  };
  return { ...table, rows: sort(table.rows), pooled: sort(table.pooled) };
};

const natural = new Intl.Collator("en", { numeric: true });

const compare = (one: number | string, other: number | string): number =>
  typeof one === "number" && typeof other === "number"
    ? one - other
    : natural.compare(String(one), String(other));

/** The header and the rows of each block, as text. */
const blockTexts = (table: Table, columns: ReadonlyArray<string> = defaultColumns) =>
  blocksOf(table).flatMap((rows = []) => {
    const shown = [...axisColumns(table, rows), ...columnsNamed(columns)];
    const lines = rows.map((row) => shown.map(({ cell }) => inlineText(cell(row))));
    return [{ shown, lines: [shown.map(({ name }) => name), ...lines] }];
  });

export const tableMarkdown = (table: Table, columns?: ReadonlyArray<string>): string =>
  blockTexts(table, columns)
    .map(({ shown, lines: [header = [], ...rows] }) => {
      const line = (texts: ReadonlyArray<string>) =>
        `| ${texts.map((text) => text.replaceAll(/[\\|]/gu, "\\$&")).join(" | ")} |\n`;
      const rule = `|${shown.map(({ isLabel }) => (isLabel ? "---|" : "---:|")).join("")}\n`;
      return `${line(header)}${rule}${rows.map(line).join("")}`;
    })
    .join("\n");

const latexSpecial: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "–": "--",
};

const latexText = (text: string): string =>
  text.replaceAll(/[\\~^–&%$#_{}]/gu, (special) => latexSpecial[special] ?? `\\${special}`);

export const tableLatex = (table: Table, columns?: ReadonlyArray<string>): string =>
  blockTexts(table, columns)
    .map(({ shown, lines: [header = [], ...rows] }) => {
      const line = (texts: ReadonlyArray<string>) => `${texts.map(latexText).join(" & ")} \\\\\n`;
      const form = shown.map(({ isLabel }) => (isLabel ? "l" : "r")).join("");
      return `\\begin{tabular}{${form}}\n\\hline\n${line(header)}\\hline\n${rows.map(line).join("")}\\hline\n\\end{tabular}\n`;
    })
    .join("\n");
