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
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch {
    database.close();
    return undefined;
  }
};

export class OwnerLock {
  private readonly file: string;
  private readonly lock: DatabaseSync;

  constructor(file: string) {
    this.file = file;
    const lock = lockNow(file);
    if (lock === undefined) throw new Error(`${file} is locked by another process`);
    this.lock = lock;
  }

  release() {
    fs.rmSync(this.file, { force: true });
    this.lock.close();
  }
}

/** Whether the process that made the file is still there; the file of one that isn't is taken away. */
export const ownerLives = (file: string): boolean => {
  if (!fs.existsSync(file)) return false;
  const lock = lockNow(file);
  if (lock === undefined) return true;
  fs.rmSync(file, { force: true });
  lock.close();
  return false;
};
