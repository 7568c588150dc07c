/** `stages/stages.lock.json`: the code of each stage's version, with the reasons of the affirmations. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { UnknownCode } from "./SourceModule.ts";

export interface Affirmation {
  readonly date: string;
  /** Why this code gives the same output as the code recorded before. */
  readonly reason: string;
  readonly digest: Digest;
}

export interface LockedStage {
  readonly version: number;
  readonly digest: Digest;
  /** Since the last raise of the version, oldest first. */
  readonly affirmations: ReadonlyArray<Affirmation>;
  /** Short digests by file, to name changed files; `digest` covers everything. */
  readonly files: Readonly<Record<string, string>>;
  readonly packages: Readonly<Record<string, string>>;
}

export type StagesLock = Readonly<Record<string, LockedStage>>;

export const lockFile = "stages/stages.lock.json";

export const readLock = (): StagesLock => {
  const file = path.join(root, lockFile);
  if (!fs.existsSync(file)) return {};
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as StagesLock;
  } catch (cause) {
    throw new UnknownCode({
      message: `${lockFile} can't be read: ${String(cause)}`,
      fix: `after a merge conflict, take one side of the file whole, then run \`pipe stages\``,
    });
  }
};

/** Writes in place: a temporary file in `stages/` would make the built program look older than its sources. */
export const writeLock = (lock: StagesLock): void =>
  fs.writeFileSync(path.join(root, lockFile), lockText(lock));

/** Sorted, so that a commit shows only what changes. */
export const lockText = (lock: StagesLock): string => `${JSON.stringify(sorted(lock), null, 2)}\n`;

const sorted = <A>(record: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
