/**
 * The lock file of a `pipe` process, which shows that the process lives. The kernel releases the lock when the process ends,
 * however it ends, and keeps it while the process is stopped; it needs no process numbers, clocks or host names. SQLite
 * takes the lock, since Node has no call for it.
 *
 * Never open such a file by other means: closing it drops every lock that this process has on it (fcntl(2)).
 */
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

const lockNow = (file: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written; without this SQLite puts a journal beside the file.
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
 * Creates and locks the file. A process that checks the owner at this moment may lock the new file first and remove it;
 * then it is created again. The inode shows whether the locked file is the one that others find.
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

  /** False if the file was removed or replaced: then this process seems dead. */
  get isInPlace(): boolean {
    return inodeOf(this.file) === this.inode;
  }

  /** Never throws: an unlocked file means a dead process anyway. */
  release() {
    try {
      fs.rmSync(this.file, { force: true });
    } catch {
      // For example on a disk that has become read-only.
    } finally {
      this.lock.close();
    }
  }
}

/**
 * Whether the process of a lock file lives. Changes nothing: the file is opened to read, so this works in a read-only store
 * and for several processes at once. A process whose file can't be opened counts as alive.
 */
export const seemsAlive = (file: string): boolean => {
  try {
    const database = new DatabaseSync(file, { timeout: 0, readOnly: true });
    try {
      // For a file opened to read SQLite takes the shared lock, which the owner's lock excludes.
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

/** Whether the process of a lock file lives; removes the file of a dead one. */
export const ownerLives = (file: string): boolean =>
  fs.existsSync(file) && lockDead(file, () => true) === undefined;

/**
 * Locks the file of a dead process, runs `body`, and removes the file: of several processes that want to take over, one
 * does. Undefined if the owner lives or another process takes over.
 */
export const lockDead = <A>(file: string, body: () => A): A | undefined => {
  if (!fs.existsSync(file)) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.closeSync(fs.openSync(file, "a"));
  }
  const found = inodeOf(file);
  const lock = lockNow(file);
  if (lock === undefined) return undefined;
  try {
    if (found === undefined || inodeOf(file) !== found) return undefined;
    const value = body();
    fs.rmSync(file, { force: true });
    return value;
  } finally {
    lock.close();
  }
};
