/** Diagnostics for the terminal: place, message, the line with a squiggle, and what was expected. */
import type { Diagnostic } from "../../schemas/Diagnostic.ts";
import { plural, printable, type Style, width } from "../../kinds/terminal.ts";

/** A long line is shown around its error. */
const shownCells = 110;

export const renderDiagnostics = (diagnostics: ReadonlyArray<Diagnostic>, style: Style): string =>
  [
    ...diagnostics.map((diagnostic) => renderOne(diagnostic, style)),
    `${plural(diagnostics.length, "error")}; nothing was started`,
  ].join("\n\n");

/** A line that refuses nothing. */
export const renderNote = (note: string, style: Style): string =>
  `${style.yellow("note")}: ${printable(note)}`;

const renderOne = ({ message, at, expected, suggestion }: Diagnostic, style: Style): string => {
  const hints = [
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(suggestion === undefined ? [] : [suggestion]),
  ];
  const headline = `${style.red("error")}: ${style.bold(printable(message))}`;
  if (at === undefined)
    return [headline, ...hints.map((hint) => `  ${printable(hint)}`)].join("\n");
  const column = at.col - 1;
  const from = column < shownCells - 20 ? 0 : column - 20;
  const shown = at.text.slice(from, from + shownCells);
  const lead = printable(shown.slice(0, column - from).replaceAll("\t", " "));
  const length = Math.max(1, Math.min(at.length, shown.length - (column - from)));
  const gutter = String(at.line);
  const blank = " ".repeat(gutter.length);
  const squiggle = " ".repeat(width(lead)) + style.red("~".repeat(length));
  return [
    `${style.cyan(`${at.file}:${at.line}:${at.col}`)} ${headline}`,
    `${style.dim(`${gutter} |`)} ${printable(shown.replaceAll("\t", " "))}`,
    `${style.dim(`${blank} |`)} ${squiggle}`,
    ...hints.map((hint) => `${style.dim(`${blank} |`)} ${printable(hint)}`),
  ].join("\n");
};
