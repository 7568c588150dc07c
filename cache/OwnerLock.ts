/**
 * The sign of life of a `pipe` process: a file that it keeps locked. The kernel lets go of the lock when the process ends,
 * however it ends, and keeps it while the process merely sleeps or stands still; numbers of processes, clocks and names of
 * hosts play no part. SQLite takes the lock, since Node itself has none to offer, and the index depends on the same kind.
 *
 * Never open such a file by other means: closing it would drop every lock that this process has on it (fcntl(2)).
 */
import fs from "node:fs";
import path from "node:path";
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
  fs.mkdirSync(path.dirname(file), { recursive: true });
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
  private readonly inode: number | undefined;

  constructor(file: string) {
    this.file = file;
    this.lock = lockNew(file);
    this.inode = inodeOf(file);
  }

  /** Whether others find it: somebody may have removed the file, and to them we would be dead. */
  get isInPlace(): boolean {
    return inodeOf(this.file) === this.inode;
  }

  /** Never throws: a file that can't be removed says by itself, unlocked, that nobody lives. */
  release() {
    try {
      fs.rmSync(this.file, { force: true });
    } catch {
      // Of a disk that has become read-only, for instance.
    } finally {
      this.lock.close();
    }
  }
}

/**
 * Whether the process that made the file is still there. Only looks: the file is opened for reading, so that nothing changes,
 * a store that can't be written to tells as well, and several may ask at once. A file that can't be opened tells nothing;
 * then the process counts as alive, since nobody may be taken for dead at work.
 */
export const seemsAlive = (file: string): boolean => {
  try {
    const database = new DatabaseSync(file, { timeout: 0, readOnly: true });
    try {
      // Of a file opened for reading SQLite takes the shared lock, which the owner's keeps out.
      database.exec("BEGIN EXCLUSIVE");
    } finally {
      database.close();
    }
    return false;
  } catch {
    return !isGone(file);
  }
};

const isGone = (file: string): boolean => {
  try {
    return inodeOf(file) === undefined;
  } catch {
    return false;
  }
};

/** Whether the process that made the file is still there; the file of one that isn't is taken away. For those who write. */
export const ownerLives = (file: string): boolean => {
  if (!fs.existsSync(file)) return false;
  const lock = lockNow(file);
  if (lock === undefined) return true;
  fs.rmSync(file, { force: true });
  lock.close();
  return false;
};
