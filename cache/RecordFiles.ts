/** The record files of a store: their paths, and how they are written atomically. */
import fs from "node:fs";
import type { Digest } from "../schemas/Digest.ts";
import { namesIn } from "./diskUse.ts";
import { decodeRecord, encodeRecord } from "./records.ts";
import { incomingPath } from "./Trees.ts";

/** One folder for each first digit of a content key: to find new actions, a process stats 16 folders. */
const shardDigits = 1;

export class RecordFiles {
  private readonly home: string;

  constructor(home: string) {
    this.home = home;
  }

  /** The folders with records, relative to the store; adoptions last, since they refer to actions. */
  folders(): ReadonlyArray<string> {
    const shards = namesIn(`${this.home}/actions`).map((shard) => `actions/${shard}`);
    return [...shards, "attempts", "adopted"];
  }

  names(folder: string): ReadonlyArray<string> {
    return namesIn(`${this.home}/${folder}`).filter((name) => name.endsWith(".json"));
  }

  /** A text that changes with every name in the folder; undefined if the folder is missing. */
  stateOf(folder: string): { readonly text: string; readonly changedMillis: number } | undefined {
    const stat = fs.statSync(`${this.home}/${folder}`, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return { text: `${stat.ino} ${stat.ctimeNs}`, changedMillis: Number(stat.ctimeMs) };
  }

  /** Undefined if the file is missing or damaged. */
  read(folder: string, name: string): unknown {
    try {
      return decodeRecord(fs.readFileSync(`${this.home}/${folder}/${name}`, "utf8"));
    } catch {
      return undefined;
    }
  }

  folderOf(content: Digest): string {
    return `actions/${content.slice(0, shardDigits)}`;
  }

  /** The answers to one content key are numbered from one. */
  nameOf(content: Digest, number: number): string {
    return number === 1 ? `${content}.json` : `${content}.${number}.json`;
  }

  has(folder: string, name: string): boolean {
    return fs.existsSync(`${this.home}/${folder}/${name}`);
  }

  /** Writes a record to `incoming/`. */
  prepare(record: string): PreparedRecord {
    const file = incomingPath(this.home);
    const descriptor = fs.openSync(file, "wx", 0o644);
    try {
      fs.writeFileSync(descriptor, encodeRecord(record));
    } catch (error) {
      fs.closeSync(descriptor);
      fs.rmSync(file, { force: true });
      throw error;
    }
    return new PreparedRecord(this.home, file, descriptor);
  }
}

export class PreparedRecord {
  private readonly home: string;
  private readonly file: string;
  private readonly descriptor: number;
  private isPlaced = false;

  constructor(home: string, file: string, descriptor: number) {
    this.home = home;
    this.file = file;
    this.descriptor = descriptor;
  }

  /** Renames the file to its place, where every process finds it. */
  place(folder: string, name: string) {
    const target = `${this.home}/${folder}/${name}`;
    try {
      fs.renameSync(this.file, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      fs.mkdirSync(`${this.home}/${folder}`, { recursive: true });
      fs.renameSync(this.file, target);
    }
    this.isPlaced = true;
  }

  /**
   * Makes file and name durable: ext4, XFS and Btrfs write a file's new name together with the file, and NFS writes it at
   * once. A power cut before this may leave an empty file, which readers ignore.
   */
  sync() {
    fs.fsyncSync(this.descriptor);
  }

  /** Removes the file if it was not placed. */
  close() {
    fs.closeSync(this.descriptor);
    if (!this.isPlaced) fs.rmSync(this.file, { force: true });
  }
}
