/** Folds lines that are wider than a terminal between words, so that no number or unit is cut in two. */
import { stripVTControlCharacters } from "node:util";
import { width } from "../../kinds/terminal.ts";

/**
 * Not to be broken: quoted code, a command after a colon (a pasted line break would run half of it), options with their value,
 * intervals, numbers with their unit or noun (`1 m 06 s`, `9 made`) and with their name (`steps 90`).
 */
const unbroken = [
  "`[^`]*`",
  String.raw`(?<=^|: )(?:npx )?pipe [a-z].*`,
  String.raw`--[a-z-]+ [^\s-]\S*`,
  String.raw`\[[^[\]]*\]`,
  String.raw`\([^()]{1,24}\)`,
  String.raw`(?:\d[\d.,]* [\p{L}%]+ ?)+`,
  String.raw`\p{L}[\p{L}_]* [-+−]?\d[\d.]*(?![\d.]| [\p{L}%])`,
];

/** A piece with the spaces around it. */
const piece = new RegExp(String.raw`\s*(?:${unbroken.join("|")}|\S)+\s*`, "gu");

/** The source text of an error and the marks below it stay aligned. */
const isQuotation = /^\s*\d* *\|/u;

export const foldText = (text: string, columns: number): string =>
  text
    .split("\n")
    .flatMap((line) => foldLine(line, columns))
    .join("\n");

const foldLine = (line: string, columns: number): ReadonlyArray<string> => {
  const bare = stripVTControlCharacters(line);
  if (width(bare) <= columns || isQuotation.test(bare)) return [line];
  const indent = " ".repeat(continuationIndent(bare, columns));
  const folded: Array<string> = [];
  let current = "";
  for (const [text] of line.matchAll(piece)) {
    const cells = width(stripVTControlCharacters((current + text).trimEnd()));
    if (cells > columns && stripVTControlCharacters(current).trim() !== "") {
      folded.push(current.trimEnd());
      current = indent + text.trimStart();
    } else current += text;
  }
  return [...folded, current.trimEnd()];
};

/** Below the last column that begins in the left third; two cells in where a line has no columns. */
const continuationIndent = (bare: string, columns: number): number => {
  const starts = [...bare.matchAll(/ {2,}(?=\S)/gu)].map(({ 0: gap, index }) =>
    width(bare.slice(0, index + gap.length)),
  );
  return starts.findLast((start) => start <= columns / 3) ?? 2;
};
