/**
 * Extra files of an environment, which the packages of its lock lack: those below `NAME.site-packages/` beside `NAME.lock`. They are copied into the environment's
 * `site-packages` after pip has installed the lock, and count in its identity.
 */
import fs from "node:fs";
import path from "node:path";
import { type Digest, digestJson } from "../schemas/Digest.ts";

/** The directory of those files, whether or not there is one. */
export const siteFilesOf = (lock: string): string =>
  lock.replace(/(?:\.lock)?$/u, ".site-packages");

/** Digest over names and contents; undefined without files. */
export const siteFilesDigest = (lock: string): Digest | undefined => {
  const directory = siteFilesOf(lock);
  if (!fs.existsSync(directory)) return undefined;
  const names = fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.includes("__pycache__"))
    .filter((name) => fs.statSync(path.join(directory, name)).isFile())
    .toSorted();
  return digestJson(
    names.map((name) => [name, fs.readFileSync(path.join(directory, name), "utf8")]),
  );
};
