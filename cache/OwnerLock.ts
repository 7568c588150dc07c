/**
 * The sign of life of a `pipe` process: a file that it keeps locked. The kernel lets go of the lock when the process ends,
 * however it ends, and keeps it while the process merely sleeps or stands still; numbers of processes, clocks and names of
 * hosts play no part. SQLite takes the lock, since Node itself has none to offer, and the index depends on the same kind.
 *
 * Never open such a file by other means: closing it would drop every lock that this process has on it (fcntl(2)).
 */
import fs from "node:fs";
import { DatabaseSync } from "node:sqlite";

const lockNow = (file: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written; without this SQLite would lay a journal beside the file.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch {
    database.close();
    return undefined;
  }
};

const inodeOf = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.ino;

const mostTries = 100;

/**
 * Whoever asks at this moment whether we live may be faster to lock the new file, and take it away: then it is made again.
 * It is made before it is locked, so that the file that is locked is known to be the one that others find.
 */
const lockNew = (file: string): DatabaseSync => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    fs.closeSync(fs.openSync(file, "a"));
    const made = inodeOf(file);
    const lock = lockNow(file);
    if (lock !== undefined && made !== undefined && inodeOf(file) === made) return lock;
    lock?.close();
  }
  throw new Error(`${file} can't be locked`);
};

export class OwnerLock {
  private readonly file: string;
  private readonly lock: DatabaseSync;

  constructor(file: string) {
    this.file = file;
    this.lock = lockNew(file);
  }

  release() {
    fs.rmSync(this.file, { force: true });
    this.lock.close();
  }
}

/** Whether the process that made the file is still there; nothing is changed. */
export const seemsAlive = (file: string): boolean => {
  if (!fs.existsSync(file)) return false;
  const lock = lockNow(file);
  lock?.close();
  return lock === undefined;
};

/** Whether the process that made the file is still there; the file of one that isn't is taken away. */
export const ownerLives = (file: string): boolean => {
  if (!fs.existsSync(file)) return false;
  const lock = lockNow(file);
  if (lock === undefined) return true;
  fs.rmSync(file, { force: true });
  lock.close();
  return false;
};
