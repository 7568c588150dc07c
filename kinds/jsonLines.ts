/** JSON Lines: one JSON value a line. */
import fs from "node:fs";

/** The lines of a file, empty ones left out. */
export const readLines = (file: string): ReadonlyArray<string> =>
  fs
    .readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");

export const jsonLines = (values: ReadonlyArray<unknown>): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");
