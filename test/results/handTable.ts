/** Tables of a page that were written by hand: their rows as they stand there, and numbers as they write them. */
import { assert } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { studentQuantile } from "../../stats/studentT.ts";
import { root } from "../rig/build.ts";
import { jsonLines } from "../rig/Rig.ts";

const pages = path.join(root, "docs/results");

/** The lines of a file of single answers, responses or steps. */
export const linesOf = <Line>(study: string, file: string): ReadonlyArray<Line> =>
  jsonLines(
    zlib.gunzipSync(fs.readFileSync(path.join(pages, study, `${file}.jsonl.gz`))).toString(),
  ) as never;

/** The cells after `first` of its row, without p-values, in the table whose head begins with `heading`. */
export const rowOf = (study: string, heading: string, first: string): ReadonlyArray<string> => {
  const lines = fs.readFileSync(path.join(pages, study, "README.md"), "utf8").split("\n");
  const table = lines.slice(lines.findIndex((line) => line.startsWith(`| ${heading}`)));
  const row = table.find((line) => line.startsWith(`| ${first} |`));
  return (row ?? assert.fail(`${study}: no row ${first}`))
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.replace(/, p .*/u, "").trim());
};

export const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** `.059`, or with `sign` `+.059`. */
export const short = (value: number, sign = false): string => {
  const before = value < 0 ? "−" : sign ? "+" : "";
  return before + Math.abs(value).toFixed(3).replace(/^0/u, "");
};

/** `−.016 [−.037, +.006]`: the mean over seeds and Student's interval. */
export const overSeeds = (values: ReadonlyArray<number>, sign = false): string => {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const error = Math.sqrt(squares / (values.length - 1) / values.length);
  const half = studentQuantile(0.05, values.length - 1) * error;
  return `${short(middle, sign)} [${short(middle - half, sign)}, ${short(middle + half, sign)}]`;
};
