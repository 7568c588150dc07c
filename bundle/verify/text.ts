/** Checks as a person reads them, and as a program does. What comes from the bundle is shown with care: it may be hostile. */
import { shown } from "../shown.ts";
import { type Check, type Level, levelNames } from "./Check.ts";

/** The line above a level's checks. */
export const levelText = (level: Level): string => `level ${level}: ${levelNames[level]}`;

export const checkText = ({ ok, what, looked, problems, problemCount, limits }: Check): string => {
  const lines = [`  ${ok ? "ok   " : "WRONG"} ${what.padEnd(13)} ${looked}`];
  for (const { file, number, expected, found, message, from } of problems) {
    const place = number === undefined || number === "" ? "" : `  ${plain(number)}`;
    lines.push(`        ${plain(file)}${place}: ${plain(message)}`);
    lines.push(`          expected ${shown(expected)}`, `          found    ${shown(found)}`);
    if (from !== undefined && from.length > 0) lines.push(`          from     ${shownList(from)}`);
  }
  const more = problemCount - problems.length;
  if (more > 0) lines.push(`        … and ${more.toLocaleString("en")} more`);
  for (const sentence of limits) lines.push(`        note: ${plain(sentence)}`);
  return lines.join("\n");
};

/** Without the quotes around it. */
const plain = (text: string): string => shown(text).replaceAll(/^"|"(?=…?$)/gu, "");

const mostFiles = 4;

const shownList = (files: ReadonlyArray<string>): string =>
  [
    ...files.slice(0, mostFiles).map(plain),
    ...(files.length > mostFiles ? [`${files.length - mostFiles} more`] : []),
  ].join(", ");

export const endText = (name: string, level: Level, failed: Level | undefined): string =>
  failed === undefined
    ? `verified to level ${level}: ${plain(name)}`
    : `NOT verified, wrong at level ${failed} (${levelNames[failed]}): ${plain(name)}`;
