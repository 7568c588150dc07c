/** `environment/`: copies of the lock files of npm and Python. */
import fs from "node:fs";
import path from "node:path";
import type { Entry } from "../format/format.ts";
import { sourceFile } from "./sourceFile.ts";

/** Lock files of pipe by their paths in the bundle. */
export const environmentFiles: ReadonlyMap<string, string> = new Map(
  ["package.json", "package-lock.json", "trainers/requirements.lock"].map((lock) => [
    `data/environment/${path.posix.basename(lock)}`,
    lock,
  ]),
);

export const environmentEntries = (license: string): ReadonlyArray<Entry> =>
  [...environmentFiles].map(([name, lock]) => ({
    path: name,
    content: fs.readFileSync(sourceFile(lock)),
    license,
  }));
