import fs from "node:fs";

/** The lines of a JSON Lines file, empty ones left out. */
export const lines = (file: string): ReadonlyArray<string> =>
  fs
    .readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
