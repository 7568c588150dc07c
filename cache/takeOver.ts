/**
 * Takes over a store of an earlier `pipe`, whose records were rows of `index.sqlite` in the store: each row becomes a record
 * file. After a kill the next process starts over.
 */
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Action, TreeFile } from "../schemas/Artifact.ts";
import { type Absence, Absences } from "./Absences.ts";
import { namesIn } from "./diskUse.ts";
import { seemsAlive } from "./OwnerLock.ts";
import {
  type ActionRecord,
  type Attempt,
  type AttemptsRecord,
  encodeRecord,
  recordFormat,
} from "./records.ts";
import { RecordFiles } from "./RecordFiles.ts";
import { StoreLock } from "./StoreLock.ts";
import { StoreTrouble } from "./StoreTrouble.ts";
import { type Tag, writeTag } from "./Tags.ts";
import { syncAllNow, syncPath } from "./sync.ts";
import { incomingPath, Trees } from "./Trees.ts";

const oldFormat = 2;

const oldFile = (home: string) => `${home}/index.sqlite`;

/** Whether the store has the records of an earlier `pipe` and no record files. */
export const isOldStore = (home: string): boolean =>
  fs.existsSync(oldFile(home)) && !fs.existsSync(`${home}/actions`);

/** Every directory but `actions/` must exist. */
export const takeOver = (home: string) => {
  const lock = new StoreLock(home);
  try {
    lock.hold(() => {
      if (isOldStore(home)) takeOverAlone(home);
    });
  } finally {
    lock.close();
  }
};

const takeOverAlone = (home: string) => {
  if (namesIn(`${home}/owners`).some((owner) => seemsAlive(`${home}/owners/${owner}`)))
    throw new StoreTrouble({
      message: "an earlier version of pipe works in this store",
      fix: "wait until it ends, or end it; then run the same command again",
    });
  writeRecords(home, readOld(home));
  // The old file stays in quarantine/ until gc, for going back.
  new Trees(home).quarantine(oldFile(home));
  for (const suffix of ["-wal", "-shm"]) fs.rmSync(oldFile(home) + suffix, { force: true });
};

interface OldRecords {
  /** Oldest first. */
  readonly actions: ReadonlyArray<ActionRecord>;
  readonly attempts: ReadonlyArray<Attempt>;
  readonly absences: ReadonlyArray<readonly [artifact: string, Absence]>;
  readonly tags: ReadonlyArray<Tag>;
}

const readOld = (home: string): OldRecords => {
  try {
    const database = new DatabaseSync(oldFile(home));
    try {
      return recordsIn(database, namesIn(`${home}/trees`).length > 0);
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof StoreTrouble) throw error;
    throw new StoreTrouble({
      message: `the records of an earlier pipe can't be read from ${oldFile(home)}: ${(error as Error).message}`,
      fix: "repair them with that version (pipe fsck --repair), or move the file away: then every result is computed again",
    });
  }
};

const recordsIn = (database: DatabaseSync, isExpected: boolean): OldRecords => {
  const all = (sql: string) => database.prepare(sql).all();
  const version = Number(all("PRAGMA user_version")[0]?.["user_version"]);
  if (version === 0) {
    if (isExpected) throw new Error("it is empty");
    return { actions: [], attempts: [], absences: [], tags: [] };
  }
  if (version !== oldFormat) throw new Error(`its format is ${version}, not ${oldFormat}`);
  return {
    actions: all(
      "SELECT id, record, files FROM actions JOIN artifacts ON digest = artifact ORDER BY id",
    ).map((row) => ({
      format: recordFormat,
      order: Number(row["id"]),
      action: JSON.parse(String(row["record"])) as Action,
      files: JSON.parse(String(row["files"])) as ReadonlyArray<TreeFile>,
    })),
    attempts: all("SELECT * FROM attempts ORDER BY number").map((row) => ({
      id: String(row["id"]),
      recipe: String(row["recipe"]),
      stage: String(row["stage"]),
      stageName: String(row["stage_name"]),
      node: String(row["node"]),
      run: String(row["run"]),
      status: String(row["status"]) as Attempt["status"],
      startedAt: String(row["started_at"]),
      seconds: Number(row["seconds"]),
    })),
    absences: all("SELECT digest, collected FROM artifacts WHERE collected <> 0").map((row) => [
      String(row["digest"]),
      row["collected"] === 1 ? "collected" : "damaged",
    ]),
    tags: all("SELECT * FROM tags").map((row) => ({
      name: String(row["name"]),
      artifact: String(row["artifact"]),
      taggedAt: String(row["tagged_at"]),
    })),
  };
};

/** The actions last and in one rename, since `actions/` marks a store as taken over. */
const writeRecords = (home: string, { actions, attempts, absences, tags }: OldRecords) => {
  const absent = new Absences(home);
  for (const [artifact, reason] of absences) absent.mark(artifact, reason);
  for (const tag of tags) writeTag(home, tag);
  const record: AttemptsRecord = { format: recordFormat, order: 1, attempts };
  if (attempts.length > 0)
    fs.writeFileSync(`${home}/attempts/taken-over.json`, encodeRecord(JSON.stringify(record)), {
      flush: true,
    });
  const incoming = incomingPath(home);
  fs.mkdirSync(incoming);
  const written = writeActions(home, incoming, actions);
  syncAllNow([...written, incoming]);
  for (const folder of ["absent", "tags", "attempts"]) syncPath(`${home}/${folder}`);
  fs.renameSync(incoming, `${home}/actions`);
  syncPath(home);
};

/** Returns the paths of all files and folders. */
const writeActions = (
  home: string,
  directory: string,
  actions: ReadonlyArray<ActionRecord>,
): ReadonlyArray<string> => {
  const files = new RecordFiles(home);
  const folders = new Set<string>();
  const written: Array<string> = [];
  for (const record of actions) {
    const { content } = record.action;
    const folder = path.join(directory, path.basename(files.folderOf(content)));
    if (!folders.has(folder)) fs.mkdirSync(folder);
    folders.add(folder);
    let number = 1;
    while (fs.existsSync(path.join(folder, files.nameOf(content, number)))) number += 1;
    const file = path.join(folder, files.nameOf(content, number));
    fs.writeFileSync(file, encodeRecord(JSON.stringify(record)));
    written.push(file);
  }
  return [...written, ...folders];
};
