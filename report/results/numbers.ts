/** Numbers as text. */
import { markdownTable as tableLines } from "../../bundle/format/markdown.ts";
import type { Proportion } from "../../stats/wilson.ts";
import { valueText } from "../analysis/numberText.ts";

export const none = "–";

export const decimals = (value: number | null, digits = 3): string =>
  value === null ? none : valueText(value, digits);

export const signed = (value: number | null, digits = 3): string =>
  value === null ? none : `${value >= 0 ? "+" : ""}${decimals(value, digits)}`;

export const span = (
  low: number | null,
  high: number | null,
  text: (value: number) => string = decimals,
): string => (low === null || high === null ? none : `[${text(low)}, ${text(high)}]`);

export const proportionText = (value: Proportion | null): string =>
  value === null ? none : `${decimals(value.value)} ${span(value.low, value.high)}`;

export const pText = (p: number | null): string => {
  if (p === null) return none;
  return p < 0.0001 ? "< 0.0001" : p.toPrecision(2);
};

export const markdownTable = (
  heading: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const escaped = (cells: ReadonlyArray<string>) =>
    cells.map((cell) => cell.replaceAll("|", "\\|"));
  return tableLines(escaped(heading), rows.map(escaped)).join("\n");
};

export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** "500", or "480 to 500". */
export const extent = (counts: ReadonlyArray<number>): string => {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const text = (count: number) => count.toLocaleString("en");
  return least === most ? text(least) : `${text(least)} to ${text(most)}`;
};
