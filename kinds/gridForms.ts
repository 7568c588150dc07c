/** Columns of cells as Markdown and as LaTeX. */
import { type Column, inlineText } from "./gridText.ts";

/** The header, then a line for each row. */
const linesOf = (columns: ReadonlyArray<Column>): ReadonlyArray<ReadonlyArray<string>> => [
  columns.map(({ name }) => name),
  ...(columns[0]?.cells ?? []).map((_, row) =>
    columns.map(({ cells }) => inlineText(cells[row] ?? { text: "" })),
  ),
];

export const gridMarkdown = (columns: ReadonlyArray<Column>): string => {
  const [header = [], ...rows] = linesOf(columns);
  const line = (texts: ReadonlyArray<string>) =>
    `| ${texts.map((text) => text.replaceAll(/[\\|]/gu, "\\$&")).join(" | ")} |\n`;
  const rule = `|${columns.map(({ isLabel }) => (isLabel ? "---|" : "---:|")).join("")}\n`;
  return `${line(header)}${rule}${rows.map(line).join("")}`;
};

const latexSpecial: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "–": "--",
};

const latexText = (text: string): string =>
  text.replaceAll(/[\\~^–&%$#_{}]/gu, (special) => latexSpecial[special] ?? `\\${special}`);

export const gridLatex = (columns: ReadonlyArray<Column>): string => {
  const [header = [], ...rows] = linesOf(columns);
  const line = (texts: ReadonlyArray<string>) => `${texts.map(latexText).join(" & ")} \\\\\n`;
  const form = columns.map(({ isLabel }) => (isLabel ? "l" : "r")).join("");
  return `\\begin{tabular}{${form}}\n\\hline\n${line(header)}\\hline\n${rows.map(line).join("")}\\hline\n\\end{tabular}\n`;
};
