/** Checks as text. Everything from the bundle is made printable, because it may be hostile. */
import { printable } from "../format/printable.ts";
import { type Check, type ComparedNumber, type Level, levelNames } from "./Check.ts";

export const levelText = (level: Level): string => `level ${level}: ${levelNames[level]}`;

export const checkText = (check: Check): string => {
  const { ok, what, looked, problems, problemCount, limits, numbers } = check;
  const lines = [`  ${ok ? "ok   " : "WRONG"} ${what.padEnd(13)} ${looked}`];
  for (const { file, number, expected, found, message, from } of problems) {
    const place = number === undefined || number === "" ? "" : `  ${plain(number)}`;
    lines.push(`        ${plain(file)}${place}: ${plain(message)}`);
    lines.push(
      `          expected ${printable(expected)}`,
      `          found    ${printable(found)}`,
    );
    if (from !== undefined && from.length > 0) lines.push(`          from     ${shownList(from)}`);
  }
  const more = problemCount - problems.length;
  if (more > 0) lines.push(`        … and ${more.toLocaleString("en")} more`);
  lines.push(...numberLines(numbers));
  for (const sentence of limits) lines.push(`        note: ${plain(sentence)}`);
  return lines.join("\n");
};

const mostNumbers = 30;

/** The claimed numbers beside the recomputed ones. */
const numberLines = (numbers: ReadonlyArray<ComparedNumber>): ReadonlyArray<string> => {
  if (numbers.length === 0) return [];
  const rows = [
    ["", "claimed", "recomputed"],
    ...numbers
      .slice(0, mostNumbers)
      .map(({ id, claimed, recomputed }) => [plain(id), claimed, recomputed]),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return [
    ...rows.map(
      ([id = "", claimed = "", recomputed = ""]) =>
        `        ${id.padEnd(widths[0]!)}  ${claimed.padEnd(widths[1]!)}  ${recomputed}`,
    ),
    ...(numbers.length > mostNumbers
      ? [`        … and ${(numbers.length - mostNumbers).toLocaleString("en")} more`]
      : []),
  ];
};

/** Without the surrounding quotes. */
const plain = (text: string): string => printable(text).replaceAll(/^"|"(?=…?$)/gu, "");

const mostFiles = 4;

const shownList = (files: ReadonlyArray<string>): string =>
  [
    ...files.slice(0, mostFiles).map(plain),
    ...(files.length > mostFiles ? [`${files.length - mostFiles} more`] : []),
  ].join(", ");

export const endText = (name: string, level: Level, failed: Level | undefined): string =>
  failed === undefined
    ? `verified to level ${level}: ${plain(name)}`
    : `NOT verified, problems at level ${failed} (${levelNames[failed]}): ${plain(name)}`;
