/** The index as a file: its format, and how it is opened to write or to read. */
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { StoreTrouble } from "./StoreTrouble.ts";

const formatVersion = 2;

const tables = `
  CREATE TABLE artifacts (
    digest TEXT PRIMARY KEY, bytes INTEGER NOT NULL, files TEXT NOT NULL, collected INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX collected_artifacts ON artifacts (digest) WHERE collected = 1;
  CREATE TABLE actions (
    id INTEGER PRIMARY KEY, recipe TEXT NOT NULL, content TEXT NOT NULL, artifact TEXT NOT NULL,
    stage TEXT NOT NULL, experiment TEXT NOT NULL, node TEXT NOT NULL, record TEXT NOT NULL
  );
  CREATE UNIQUE INDEX actions_by_recipe ON actions (recipe, content, artifact);
  CREATE INDEX actions_by_content ON actions (content, artifact);
  CREATE INDEX actions_by_artifact ON actions (artifact);
  CREATE INDEX actions_by_node ON actions (experiment, node);
  CREATE INDEX actions_by_stage ON actions (stage);
  CREATE TABLE nondeterministic (content TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE attempts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, recipe TEXT NOT NULL, stage TEXT NOT NULL,
    stage_name TEXT NOT NULL, node TEXT NOT NULL, run TEXT NOT NULL, status TEXT NOT NULL,
    started_at TEXT NOT NULL, seconds REAL NOT NULL
  );
  CREATE INDEX attempts_by_stage ON attempts (stage, stage_name, status);
  CREATE TABLE claims (key TEXT PRIMARY KEY, token TEXT NOT NULL, owner TEXT NOT NULL, holder TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE tags (name TEXT PRIMARY KEY, artifact TEXT NOT NULL, tagged_at TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE file_stats (path TEXT PRIMARY KEY, stat TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
`;

const busyMillis = 10_000;

export interface Expectation {
  /** There are artifacts, so there was an index. */
  readonly isExpected?: boolean;
}

/** Throws where another version of pipe has written. */
const formatOf = (database: DatabaseSync): number => {
  const found = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (found === 0 || found === formatVersion) return found;
  database.close();
  const age = found > formatVersion ? "a newer" : "an older";
  throw new StoreTrouble({
    message: `the store was written by ${age} pipe (format ${found}, this one knows ${formatVersion})`,
    fix: `${found > formatVersion ? "update pipe" : "move the store away"}, or point PIPE_HOME at another directory`,
  });
};

const lost = (how: string) =>
  new StoreTrouble({
    message: `the store's index ${how}, though there are artifacts`,
    fix: "pipe fsck --repair makes it anew from what is there",
  });

export const openToWrite = (file: string, { isExpected = false }: Expectation): DatabaseSync => {
  if (isExpected && !fs.existsSync(file)) throw lost("is missing");
  const database = new DatabaseSync(file, { timeout: busyMillis });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  if (formatOf(database) !== 0) return database;
  database.exec("BEGIN IMMEDIATE");
  // Somebody else may have been faster.
  if (formatOf(database) === 0) {
    if (isExpected) {
      database.close();
      throw lost("is empty");
    }
    database.exec(`${tables} PRAGMA user_version = ${formatVersion}`);
  }
  database.exec("COMMIT");
  return database;
};

export const openToRead = (file: string, { isExpected = false }: Expectation): DatabaseSync => {
  const database = fs.existsSync(file) ? openExisting(file) : undefined;
  if (database !== undefined && formatOf(database) !== 0) return database;
  database?.close();
  if (isExpected) throw lost(database === undefined ? "is missing" : "is empty");
  const empty = new DatabaseSync(":memory:");
  empty.exec(tables);
  return empty;
};

/**
 * A connection that could write cleans up behind itself, one that can't leaves `-shm` and `-wal` files; so the first is
 * asked not to write. Where nothing may be written at all, nobody else writes either, and SQLite needs no helper files.
 */
const openExisting = (file: string): DatabaseSync => {
  if (mayWrite(file) && mayWrite(path.dirname(file))) {
    const database = new DatabaseSync(file, { timeout: busyMillis });
    database.exec("PRAGMA query_only = 1");
    return database;
  }
  const database = new DatabaseSync(file, { timeout: busyMillis, readOnly: true });
  try {
    database.prepare("SELECT name FROM sqlite_master").get();
    return database;
  } catch {
    database.close();
    return new DatabaseSync(`${pathToFileURL(file).href}?immutable=1`, { readOnly: true });
  }
};

const mayWrite = (target: string): boolean => {
  try {
    fs.accessSync(target, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
};
