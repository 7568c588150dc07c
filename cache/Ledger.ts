/**
 * The records of a store: writes them as files, which are the truth, and keeps the index up to date.
 *
 * Recording or deleting an artifact holds the store's lock, so an action never points to files that `pipe gc` is deleting.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import type { Action, Artifact } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { Absences } from "./Absences.ts";
import { type ArtifactRow, Index } from "./Index.ts";
import { isDamage, openIndexFile, openInMemory, removeIndex } from "./IndexFile.ts";
import {
  type ActionRecord,
  type AdoptionRecord,
  type Attempt,
  type AttemptsRecord,
  recordFormat,
} from "./records.ts";
import { RecordFiles } from "./RecordFiles.ts";
import { StoreLock } from "./StoreLock.ts";
import { rebuildIndex, syncContent, syncIndex } from "./syncIndex.ts";
import { Trees } from "./Trees.ts";

const mostBacklog = 64;

type Adopted = AdoptionRecord["adopted"];

export class Ledger {
  readonly home: string;
  readonly trees: Trees;
  readonly absences: Absences;
  readonly files: RecordFiles;
  private readonly index: Index;
  private readonly lock: StoreLock;
  private lastOrder: number | undefined;
  /** Records that have a file and are not in the index yet: one transaction for many costs less. */
  private backlog: Array<(index: Index) => void> = [];
  private readonly backlogKeys = new Set<Digest>();
  private readonly backlogArtifacts = new Map<Digest, ArtifactRow>();

  constructor(home: string) {
    this.home = home;
    this.trees = new Trees(home);
    this.absences = new Absences(home);
    this.files = new RecordFiles(home);
    this.lock = new StoreLock(home);
    this.index = new Index(
      fs.existsSync(home) ? openIndexFile(home) : openInMemory(),
      this.absences,
    );
    this.ask((index) => syncIndex(index, this.files));
  }

  close() {
    this.flush();
    this.lock.close();
    this.index.close();
  }

  /** Queries the index, which has every record of this process. `body` may run twice. */
  ask<A>(body: (index: Index) => A): A {
    this.flush();
    return this.peek(body);
  }

  /** Brings the records of this process into the index. */
  flush() {
    if (this.backlog.length === 0) return;
    this.peek((index) => index.transaction(() => this.backlog.forEach((learn) => learn(index))));
    this.backlog = [];
    this.backlogKeys.clear();
    this.backlogArtifacts.clear();
  }

  /** The files of a recorded artifact. */
  artifact(digest: Digest): ArtifactRow | undefined {
    return this.backlogArtifacts.get(digest) ?? this.peek((index) => index.artifact(digest));
  }

  /** Queries the index without a flush; if SQLite fails, builds a new index in memory and queries that. */
  peek<A>(body: (index: Index) => A): A {
    try {
      return body(this.index);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_SQLITE_ERROR") throw error;
      if (isDamage(error)) removeIndex(this.home);
      this.index.moveToMemory();
      rebuildIndex(this.index, this.files);
      return body(this.index);
    }
  }

  /** Rebuilds the index from all record files. */
  rebuild() {
    this.ask((index) => rebuildIndex(index, this.files));
  }

  /** Learns the records of other processes. */
  sync() {
    this.ask((index) => syncIndex(index, this.files));
  }

  /** Brings all answers to one key into the index, those of other processes included. False if there is none. */
  syncContent(content: Digest): boolean {
    // Most keys that are looked up have no answer yet, which one look at the disk shows.
    if (!this.files.has(this.files.folderOf(content), this.files.nameOf(content, 1))) return false;
    if (this.backlogKeys.has(content)) this.flush();
    this.peek((index) => syncContent(index, this.files, content));
    return true;
  }

  /** Runs `body` while no other process records or deletes an artifact. */
  hold<A>(body: () => A): A {
    return this.lock.hold(body);
  }

  isThere(artifact: Digest): boolean {
    return fs.existsSync(this.trees.directoryOf(artifact));
  }

  /** Records a success durably under both keys; returns false, without a record, if the artifact's files are gone. */
  record(artifact: Artifact, action: Action, attempt: Attempt | undefined): boolean {
    return this.write(artifact, action, attempt, () => {
      if (!this.isThere(artifact.digest)) return false;
      this.absences.clear(artifact.digest);
      return true;
    });
  }

  /** Records an artifact without its files, as if `pipe gc` had deleted them. */
  recordAbsent(artifact: Artifact, action: Action) {
    this.write(artifact, action, undefined, () => {
      if (!this.isThere(artifact.digest)) this.absences.mark(artifact.digest, "collected");
      return true;
    });
  }

  /**
   * Those of these artifacts that `pipe gc` deleted. One that is marked and not yet deleted is kept. Once a run is written
   * down and has called this, gc deletes none of its artifacts: both check under the lock.
   */
  takenAway(artifacts: ReadonlySet<Digest>): ReadonlySet<Digest> {
    return this.hold(() => {
      const gone = new Set<Digest>();
      for (const [artifact, reason] of this.absences.all()) {
        if (reason !== "collected" || !artifacts.has(artifact)) continue;
        if (this.isThere(artifact)) this.absences.clear(artifact);
        else gone.add(artifact);
      }
      return gone;
    });
  }

  /** Records further recipes of known artifacts. Not synced: after a power cut the plan finds them by content key. */
  adopt(adopted: Adopted) {
    if (adopted.length === 0) return;
    const record: AdoptionRecord = { format: recordFormat, order: this.nextOrder(0), adopted };
    this.writeSmall("adopted", record, (index) => index.learnAdoption(record));
    for (const { content } of adopted) this.backlogKeys.add(content);
  }

  recordAttempt(attempt: Attempt) {
    const order = this.nextOrder(Date.parse(attempt.startedAt) + attempt.seconds * 1000);
    const record: AttemptsRecord = { format: recordFormat, order, attempts: [attempt] };
    this.writeSmall("attempts", record, (index) => index.learnAttempt(order, attempt));
  }

  private write(
    artifact: Artifact,
    action: Action,
    attempt: Attempt | undefined,
    mayRecord: () => boolean,
  ): boolean {
    const record: ActionRecord = {
      format: recordFormat,
      order: this.nextOrder(Date.parse(action.finishedAt)),
      action,
      files: artifact.files,
      ...(attempt === undefined ? {} : { attempt }),
    };
    const folder = this.files.folderOf(action.content);
    const prepared = this.files.prepare(JSON.stringify(record));
    try {
      const name = this.hold(() => {
        if (!mayRecord()) return undefined;
        let number = 1;
        while (this.files.has(folder, this.files.nameOf(action.content, number))) number += 1;
        const free = this.files.nameOf(action.content, number);
        prepared.place(folder, free);
        return free;
      });
      if (name === undefined) return false;
      prepared.sync();
      this.backlogKeys.add(action.content);
      this.backlogArtifacts.set(artifact.digest, artifact);
      this.learn(folder, name, (index) => index.learnAction(record));
      return true;
    } finally {
      prepared.close();
    }
  }

  private writeSmall(folder: string, record: object, learn: (index: Index) => void) {
    const name = `${randomUUID()}.json`;
    const prepared = this.files.prepare(JSON.stringify(record));
    try {
      prepared.place(folder, name);
    } finally {
      prepared.close();
    }
    this.learn(folder, name, learn);
  }

  private learn(folder: string, name: string, learn: (index: Index) => void) {
    this.backlog.push((index) => {
      learn(index);
      index.noteLearned(folder, name);
    });
    if (this.backlog.length >= mostBacklog) this.flush();
  }

  /** Larger than the order of every record that this process has seen, even if the clock was set back. */
  private nextOrder(millis: number): number {
    this.lastOrder ??= this.ask((index) => index.lastOrder);
    this.lastOrder = Math.max(Math.floor(millis) || 0, this.lastOrder + 1);
    return this.lastOrder;
  }
}
