/**
 * The index of the store: actions by their keys, artifacts by digest, attempts, claims. SQLite in WAL mode; every call is
 * one short transaction. Synchronous on purpose: a look-up takes microseconds.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Schema } from "effect";
import fs from "node:fs";
import { Action, Artifact } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { mayBeAlive, Owner } from "./Owner.ts";
import { StoreTrouble } from "./StoreTrouble.ts";

const formatVersion = 1;

const tables = `
  CREATE TABLE IF NOT EXISTS artifacts (digest TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS actions (recipe TEXT PRIMARY KEY, content TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS actions_by_content ON actions (content);
  CREATE TABLE IF NOT EXISTS attempts (
    id TEXT PRIMARY KEY, recipe TEXT NOT NULL, stage TEXT NOT NULL, node TEXT NOT NULL, run TEXT NOT NULL,
    status TEXT NOT NULL, started_at TEXT NOT NULL, seconds REAL NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, token TEXT NOT NULL, owner TEXT NOT NULL) WITHOUT ROWID;
`;

export interface Attempt {
  readonly id: string;
  readonly recipe: Digest;
  readonly stage: string;
  readonly node: string;
  readonly run: string;
  readonly status: "succeeded" | "failed" | "interrupted";
  readonly startedAt: string;
  readonly seconds: number;
}

const decodeAction = Schema.decodeUnknownSync(Schema.fromJsonString(Action));
const decodeArtifact = Schema.decodeUnknownSync(Schema.fromJsonString(Artifact));
const decodeOwner = Schema.decodeUnknownSync(Schema.fromJsonString(Owner));

const busyMillis = 10_000;

/** Throws where a newer pipe has written. */
const formatOf = (database: DatabaseSync): number => {
  const found = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (found <= formatVersion) return found;
  database.close();
  throw new StoreTrouble({
    message: `the store was written by a newer pipe (format ${found}, this one knows ${formatVersion})`,
    fix: "update pipe, or point PIPE_HOME at another directory",
  });
};

export class Index {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.database = database;
  }

  /** Made when it is missing. */
  static writing(file: string): Index {
    const database = new DatabaseSync(file, { timeout: busyMillis });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    if (formatOf(database) < formatVersion) {
      database.exec(`BEGIN IMMEDIATE; ${tables} PRAGMA user_version = ${formatVersion}; COMMIT;`);
    }
    return new Index(database);
  }

  /** An index that is not there reads as an empty one. */
  static reading(file: string): Index {
    if (!fs.existsSync(file)) {
      const empty = new DatabaseSync(":memory:");
      empty.exec(tables);
      return new Index(empty);
    }
    const database = new DatabaseSync(file, { timeout: busyMillis, readOnly: true });
    if (formatOf(database) === 0) return Index.reading("");
    return new Index(database);
  }

  close() {
    this.database.close();
  }

  byRecipe(recipe: Digest): Action | undefined {
    return this.oneRecord("SELECT record FROM actions WHERE recipe = ?", recipe, decodeAction);
  }

  byContent(content: Digest): Action | undefined {
    return this.oneRecord(
      "SELECT record FROM actions WHERE content = ? ORDER BY recipe LIMIT 1",
      content,
      decodeAction,
    );
  }

  artifact(digest: Digest): Artifact | undefined {
    return this.oneRecord("SELECT record FROM artifacts WHERE digest = ?", digest, decodeArtifact);
  }

  /** Artifacts whose digest begins so; two suffice to know that a prefix is ambiguous. */
  artifactsByPrefix(prefix: string): ReadonlyArray<Artifact> {
    const rows = this.prepare(
      "SELECT record FROM artifacts WHERE substr(digest, 1, ?) = ? LIMIT 2",
    ).all(prefix.length, prefix);
    return rows.map((row) => decodeArtifact(row["record"]));
  }

  /** The actions that made an artifact. */
  actionsOf(artifact: Digest): ReadonlyArray<Action> {
    const rows = this.prepare(
      "SELECT record FROM actions WHERE json_extract(record, '$.artifact') = ?",
    ).all(artifact);
    return rows.map((row) => decodeAction(row["record"]));
  }

  record(artifact: Artifact, action: Action) {
    this.transaction(() => {
      this.prepare("INSERT OR REPLACE INTO artifacts VALUES (?, ?)").run(
        artifact.digest,
        JSON.stringify(artifact),
      );
      this.prepare("INSERT OR REPLACE INTO actions VALUES (?, ?, ?)").run(
        action.recipe,
        action.content,
        JSON.stringify(action),
      );
    });
  }

  recordAttempt(attempt: Attempt) {
    this.prepare("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(
      attempt.id,
      attempt.recipe,
      attempt.stage,
      attempt.node,
      attempt.run,
      attempt.status,
      attempt.startedAt,
      attempt.seconds,
    );
  }

  /** Takes the claim, from nobody or from the dead; otherwise says who holds it. */
  claim(key: Digest, token: string, self: Owner): Owner | undefined {
    return this.transaction(() => {
      const row = this.prepare("SELECT owner FROM claims WHERE key = ?").get(key);
      const owner = row === undefined ? undefined : decodeOwner(row["owner"]);
      if (owner !== undefined && mayBeAlive(owner, self)) return owner;
      this.prepare("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)").run(
        key,
        token,
        JSON.stringify(self),
      );
      return undefined;
    });
  }

  release(key: Digest, token: string) {
    this.prepare("DELETE FROM claims WHERE key = ? AND token = ?").run(key, token);
  }

  private transaction<A>(body: () => A): A {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      const value = body();
      this.database.exec("COMMIT");
      return value;
    } catch (error) {
      this.database.exec("ROLLBACK");
      throw error;
    }
  }

  private oneRecord<A>(sql: string, key: Digest, decode: (record: unknown) => A): A | undefined {
    const row = this.prepare(sql).get(key);
    return row === undefined ? undefined : decode(row["record"]);
  }

  private prepare(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.database.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }
}
