/** What the product ran with: the locked packages of npm and of Python, beside one another where a reader looks for them. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../executors/root.ts";
import type { Entry } from "./format.ts";

/** Where they lie in the bundle, and in the product. */
export const environmentFiles: ReadonlyMap<string, string> = new Map(
  ["package.json", "package-lock.json", "trainers/requirements.lock"].map((lock) => [
    `data/environment/${path.posix.basename(lock)}`,
    lock,
  ]),
);

export const environmentEntries = (license: string): ReadonlyArray<Entry> =>
  [...environmentFiles].map(([name, lock]) => ({
    path: name,
    content: fs.readFileSync(path.join(root, lock)),
    license,
  }));
