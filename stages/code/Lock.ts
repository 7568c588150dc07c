/** `stages/stages.lock.json`: the code that each stage's version stands for, and who said so why. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../../executors/root.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { UnknownCode } from "./SourceModule.ts";

export interface Affirmation {
  readonly date: string;
  /** Why the version's results are still what this code would make. */
  readonly reason: string;
  readonly digest: Digest;
}

export interface LockedStage {
  readonly version: number;
  readonly digest: Digest;
  /** Since the version was raised last, oldest first. */
  readonly affirmations: ReadonlyArray<Affirmation>;
  /** The closure, so that a change can be told by file: short digests, as the whole is in `digest`. */
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
      fix: `after a merge, take either side whole, then look at \`pipe stages\``,
    });
  }
};

/** In place, as another file in `stages/` would make the bundle look older than its sources. */
export const writeLock = (lock: StagesLock): void =>
  fs.writeFileSync(path.join(root, lockFile), lockText(lock));

/** The same text for the same lock, whoever writes it, so that what a commit changes can be read. */
export const lockText = (lock: StagesLock): string => `${JSON.stringify(sorted(lock), null, 2)}\n`;

const sorted = <A>(record: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
