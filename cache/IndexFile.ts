/**
 * The SQLite file of an index: one for each store and host, in the user's cache directory. It can be deleted at any time.
 * If it can't be opened, the index is built in memory.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { namesIn } from "./diskUse.ts";

const formatVersion = 3;

/** `ord` is the order of a record. `records` lists the files that were learned, `folders` their folders' states. */
const tables = `
  CREATE TABLE artifacts (digest TEXT PRIMARY KEY, bytes INTEGER NOT NULL, files TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE actions (
    id INTEGER PRIMARY KEY, ord INTEGER NOT NULL, recipe TEXT NOT NULL, content TEXT NOT NULL, artifact TEXT NOT NULL,
    stage TEXT NOT NULL, experiment TEXT NOT NULL, node TEXT NOT NULL, record TEXT NOT NULL
  );
  CREATE UNIQUE INDEX actions_by_recipe ON actions (recipe, content, artifact);
  CREATE INDEX actions_by_content ON actions (content, artifact);
  CREATE INDEX actions_by_artifact ON actions (artifact);
  CREATE INDEX actions_by_node ON actions (experiment, node);
  CREATE INDEX actions_by_stage ON actions (stage, ord);
  CREATE TABLE nondeterministic (content TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE attempts (
    id TEXT PRIMARY KEY, ord INTEGER NOT NULL, recipe TEXT NOT NULL, stage TEXT NOT NULL, stage_name TEXT NOT NULL,
    node TEXT NOT NULL, run TEXT NOT NULL, status TEXT NOT NULL, started_at TEXT NOT NULL, seconds REAL NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX attempts_by_recipe ON attempts (recipe);
  CREATE INDEX attempts_by_stage ON attempts (stage, stage_name, status, ord);
  CREATE TABLE records (folder TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (folder, name)) WITHOUT ROWID;
  CREATE TABLE folders (folder TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE file_stats (path TEXT PRIMARY KEY, stat TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
`;

const busyMillis = 10_000;

export const openInMemory = (): DatabaseSync => {
  const database = new DatabaseSync(":memory:");
  database.exec(tables);
  return database;
};

/** Opens the index of a store; replaces it by an empty one if it is damaged or of another version. */
export const openIndexFile = (home: string): DatabaseSync => {
  try {
    const directory = indexDirectory(home);
    const file = path.join(directory, "index.sqlite");
    if (!fs.existsSync(file)) prepareDirectory(directory);
    keepLinkTo(home, directory);
    try {
      return openFile(file);
    } catch {
      removeIndex(home);
      return openFile(file);
    }
  } catch {
    return openInMemory();
  }
};

/** Removes the index of a store; the next process builds a new one. */
export const removeIndex = (home: string) => {
  try {
    for (const suffix of ["", "-wal", "-shm"])
      fs.rmSync(path.join(indexDirectory(home), `index.sqlite${suffix}`), { force: true });
  } catch {
    // The next process finds the damage, too.
  }
};

// https://www.sqlite.org/rescode.html, primary codes
const [corrupt, notADatabase] = [11, 26];

/** True for an error of SQLite that comes from a damaged file, not from a full disk or a busy file. */
export const isDamage = (error: unknown): boolean => {
  const code = ((error as { readonly errcode?: number }).errcode ?? 0) & 0xff;
  return code === corrupt || code === notADatabase;
};

const openFile = (file: string): DatabaseSync => {
  const database = new DatabaseSync(file, { timeout: busyMillis });
  try {
    // NORMAL: after a power cut the file is whole, if older; a killed process loses nothing.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    if (versionOf(database) === formatVersion) return database;
    database.exec("BEGIN IMMEDIATE");
    const version = versionOf(database);
    if (version !== 0 && version !== formatVersion) throw new Error("another version's index");
    if (version === 0) database.exec(`${tables} PRAGMA user_version = ${formatVersion}`);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

const versionOf = (database: DatabaseSync): number =>
  Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);

/**
 * Named by the device and inode of the store's directory: renaming the store keeps them, every path to it leads to them, and
 * a copy has others. The host name is part of the path, since hosts may share a home directory, and SQLite files can't be
 * shared.
 */
const indexDirectory = (home: string): string => {
  const { dev, ino } = fs.statSync(home, { bigint: true });
  return path.join(cacheDirectory(), "pipe", "index", os.hostname(), `${dev}-${ino}`);
};

const cacheDirectory = (): string => {
  const cache = process.env["XDG_CACHE_HOME"] ?? "";
  return path.isAbsolute(cache) ? cache : path.join(os.homedir(), ".cache");
};

/** Creates the directory, and removes those of deleted stores. */
const prepareDirectory = (directory: string) => {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const all = path.dirname(directory);
  for (const name of namesIn(all)) {
    const other = path.join(all, name);
    const link = path.join(other, "store");
    const isGone = fs.lstatSync(link, { throwIfNoEntry: false }) && !fs.existsSync(link);
    if (isGone === true && other !== directory) fs.rmSync(other, { recursive: true, force: true });
  }
};

/** A link to the store, which dangles once the store is deleted or moved. */
const keepLinkTo = (home: string, directory: string) => {
  const link = path.join(directory, "store");
  try {
    if (fs.readlinkSync(link) === home) return;
  } catch {
    // No link yet.
  }
  fs.rmSync(link, { force: true });
  fs.symlinkSync(home, link);
};
