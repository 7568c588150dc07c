/** What the product ran with: the locked packages of npm and of Python, beside one another where a reader looks for them. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../executors/root.ts";
import type { Entry } from "./format.ts";

const locks = ["package.json", "package-lock.json", "trainers/requirements.lock"];

export const environmentEntries = (license: string): ReadonlyArray<Entry> =>
  locks.map((lock) => ({
    path: `data/environment/${path.basename(lock)}`,
    content: fs.readFileSync(path.join(root, lock)),
    license,
  }));
