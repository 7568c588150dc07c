/**
 * The index of the store: actions by their keys, artifacts by digest, attempts, claims. SQLite in WAL mode; every call is
 * one short transaction. Synchronous on purpose: a look-up takes microseconds.
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Action, Artifact, ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { KnownDigest } from "./SourceDigests.ts";
import { type Expectation, openToRead, openToWrite } from "./IndexFile.ts";
import { decodeAction } from "./records.ts";

export interface Attempt {
  readonly id: string;
  readonly recipe: Digest;
  /** The stage's registered name, and its name in the experiment. */
  readonly stage: string;
  readonly stageName: string;
  readonly node: string;
  readonly run: string;
  readonly status: "succeeded" | "failed" | "interrupted";
  readonly startedAt: string;
  readonly seconds: number;
}

/** What an action says, as far as look-ups need it. */
export interface ActionRow {
  readonly id: number;
  readonly content: Digest;
  readonly artifact: Digest;
}

export interface ArtifactRow {
  readonly files: ReadonlyArray<TreeFile>;
  readonly bytes: number;
  /** Whether its files were taken away on purpose, by `pipe gc`. */
  readonly collected: boolean;
}

/** Written by us and by nobody else; a look-up of 100,000 nodes can't afford a schema. */
const filesOf = (files: SQLOutputValue | undefined): ReadonlyArray<TreeFile> =>
  JSON.parse(String(files)) as ReadonlyArray<TreeFile>;

export type Row = Record<string, SQLOutputValue>;

export class Index {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.database = database;
  }

  /** Made when it is missing, unless the store shows that there has been one. */
  static writing(file: string, expectation: Expectation = {}): Index {
    return new Index(openToWrite(file, expectation));
  }

  /** An index that is not there reads as an empty one. Nothing is left behind, also not SQLite's own helper files. */
  static reading(file: string, expectation: Expectation = {}): Index {
    return new Index(openToRead(file, expectation));
  }

  close() {
    this.database.close();
  }

  /** How many actions there are, roughly: an upper bound that costs nothing. */
  get mostActions(): number {
    return Number(this.prepare("SELECT max(id) AS last FROM actions").get()?.["last"] ?? 0);
  }

  /** Every action there is. */
  allActions(): ReadonlyArray<ActionRow & { readonly recipe: Digest }> {
    const rows = this.prepare("SELECT recipe, content, artifact, id FROM actions").all();
    return rows.map((row) => ({ ...actionRow(row), recipe: String(row["recipe"]) }));
  }

  /** The actions of a recipe, the newest first. */
  byRecipe(recipe: Digest): ReadonlyArray<ActionRow> {
    return this.prepare(
      "SELECT id, content, artifact FROM actions WHERE recipe = ? ORDER BY id DESC",
    )
      .all(recipe)
      .map(actionRow);
  }

  /** The actions that answered a content key, the newest first; of each artifact one. */
  byContent(content: Digest): ReadonlyArray<ActionRow> {
    return this.prepare(
      "SELECT max(id) AS id, content, artifact FROM actions WHERE content = ? GROUP BY artifact ORDER BY 1 DESC",
    )
      .all(content)
      .map(actionRow);
  }

  action(id: number): Action | undefined {
    const row = this.prepare("SELECT record FROM actions WHERE id = ?").get(id);
    return row === undefined ? undefined : decodeAction(row["record"]);
  }

  /** The actions that made an artifact, the newest first. */
  actionsOf(artifact: Digest): ReadonlyArray<Action> {
    return this.records("artifact = ? ORDER BY id DESC", artifact);
  }

  /** Content keys that have been answered by more than one artifact. */
  get nondeterministic(): ReadonlySet<Digest> {
    const rows = this.prepare("SELECT content FROM nondeterministic").all();
    return new Set(rows.map((row) => String(row["content"])));
  }

  artifact(digest: Digest): ArtifactRow | undefined {
    const row = this.prepare("SELECT bytes, files, collected FROM artifacts WHERE digest = ?").get(
      digest,
    );
    if (row === undefined) return undefined;
    return {
      files: filesOf(row["files"]),
      bytes: Number(row["bytes"]),
      collected: row["collected"] === 1,
    };
  }

  /** Artifacts whose digest begins so, with the kind they were last made as; two suffice to know a prefix is ambiguous. */
  artifactsByPrefix(prefix: string): ReadonlyArray<Artifact> {
    const rows = this.prepare(
      "SELECT digest FROM artifacts WHERE substr(digest, 1, ?) = ? LIMIT 2",
    ).all(prefix.length, prefix);
    return rows.flatMap((row) => this.artifactWithKind(String(row["digest"])) ?? []);
  }

  /** Success: from here on both keys are known, and the attempt counts. False where its files are gone by now. */
  record(
    artifact: Artifact,
    action: Action,
    attempt: Attempt | undefined,
    isThere: (artifact: Digest) => boolean,
  ): boolean {
    return this.transaction(() => {
      if (!isThere(artifact.digest)) return false;
      this.prepare("INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, 0)").run(
        artifact.digest,
        artifact.bytes,
        JSON.stringify(artifact.files),
      );
      this.insertAction(action);
      this.prepare(
        "INSERT OR IGNORE INTO nondeterministic SELECT content FROM actions WHERE content = ? AND artifact <> ? LIMIT 1",
      ).run(action.content, action.artifact);
      if (attempt !== undefined) this.insertAttempt(attempt);
      return true;
    });
  }

  /** An artifact is known by what it is, and its files are elsewhere, as if `pipe gc` had taken them; one that is here stays. */
  recordAbsent(artifact: Artifact, action: Action) {
    this.transaction(() => {
      this.prepare("INSERT OR IGNORE INTO artifacts VALUES (?, ?, ?, 1)").run(
        artifact.digest,
        artifact.bytes,
        JSON.stringify(artifact.files),
      );
      this.insertAction(action);
    });
  }

  /**
   * Which of these artifacts `pipe gc` has taken away. One that it has only begun to take is there again. Where a living
   * run reaches them before it asks, gc takes no more of them afterwards: the two of them ask one after the other.
   */
  takenAway(
    artifacts: ReadonlySet<Digest>,
    isThere: (artifact: Digest) => boolean,
  ): ReadonlySet<Digest> {
    return this.transaction(() => {
      const rows = this.prepare("SELECT digest FROM artifacts WHERE collected = 1").all();
      const collected = rows.map((row) => String(row["digest"]));
      const asked = collected.filter((digest) => artifacts.has(digest));
      const restore = this.prepare("UPDATE artifacts SET collected = 0 WHERE digest = ?");
      const gone = asked.filter((digest) => !isThere(digest));
      for (const digest of asked) if (!gone.includes(digest)) restore.run(digest);
      return new Set(gone);
    });
  }

  /** What only one command asks or changes, in its own words. */
  rows(sql: string, ...values: ReadonlyArray<string | number>): ReadonlyArray<Row> {
    return this.prepare(sql).all(...values);
  }

  change(sql: string, ...values: ReadonlyArray<string | number>) {
    this.prepare(sql).run(...values);
  }

  /** What is known under one recipe is known under another from here on; lost in a power cut, it is found again. */
  adopt(adopted: ReadonlyArray<readonly [recipe: Digest, action: number]>) {
    if (adopted.length === 0) return;
    const copy = this.prepare(
      `INSERT OR REPLACE INTO actions (recipe, content, artifact, stage, experiment, node, record)
       SELECT ?1, content, artifact, stage, experiment, node, json_set(record, '$.recipe', ?1) FROM actions WHERE id = ?2`,
    );
    this.withoutSync(() =>
      this.transaction(() => {
        for (const [recipe, action] of adopted) copy.run(recipe, action);
      }),
    );
  }

  recordAttempt(attempt: Attempt) {
    this.insertAttempt(attempt);
  }

  /** Takes the claim, from nobody or from the dead; otherwise says who holds it. */
  claim(
    key: Digest,
    claim: { readonly token: string; readonly owner: string; readonly holder: string },
    lives: (owner: string) => boolean,
  ): string | undefined {
    return this.withoutSync(() =>
      this.transaction(() => {
        const row = this.prepare("SELECT owner, holder FROM claims WHERE key = ?").get(key);
        if (row !== undefined && lives(String(row["owner"]))) return String(row["holder"]);
        this.prepare("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)").run(
          key,
          claim.token,
          claim.owner,
          claim.holder,
        );
        return undefined;
      }),
    );
  }

  ownerOf(key: Digest): string | undefined {
    const owner = this.prepare("SELECT owner FROM claims WHERE key = ?").get(key)?.["owner"];
    return owner === undefined ? undefined : String(owner);
  }

  release(key: Digest, token: string) {
    this.withoutSync(() =>
      this.prepare("DELETE FROM claims WHERE key = ? AND token = ?").run(key, token),
    );
  }

  /** The digest of a local file, with the state of the file for which it holds. */
  fileStat(file: string): KnownDigest | undefined {
    const row = this.prepare("SELECT stat, digest FROM file_stats WHERE path = ?").get(file);
    return row === undefined
      ? undefined
      : { stat: String(row["stat"]), digest: String(row["digest"]) };
  }

  recordFileStats(stats: ReadonlyMap<string, KnownDigest>) {
    if (stats.size === 0) return;
    this.withoutSync(() =>
      this.transaction(() => {
        const insert = this.prepare("INSERT OR REPLACE INTO file_stats VALUES (?, ?, ?)");
        for (const [file, { stat, digest }] of stats) insert.run(file, stat, digest);
      }),
    );
  }

  private artifactWithKind(digest: Digest): Artifact | undefined {
    const row = this.artifact(digest);
    const kind = this.prepare(
      "SELECT json_extract(record, '$.kind') AS kind FROM actions WHERE artifact = ? ORDER BY id DESC LIMIT 1",
    ).get(digest)?.["kind"];
    if (row === undefined || kind === undefined) return undefined;
    return { digest, kind: kind as ArtifactKind, files: row.files, bytes: row.bytes };
  }

  private insertAction(action: Action) {
    // One that says the same anew takes the place of the old, so that the newest has the highest number.
    this.prepare(
      "INSERT OR REPLACE INTO actions (recipe, content, artifact, stage, experiment, node, record) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ).run(
      action.recipe,
      action.content,
      action.artifact,
      action.stage,
      action.experiment,
      action.node,
      JSON.stringify(action),
    );
  }

  private insertAttempt(attempt: Attempt) {
    this.prepare(
      "INSERT OR REPLACE INTO attempts (id, recipe, stage, stage_name, node, run, status, started_at, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ).run(
      attempt.id,
      attempt.recipe,
      attempt.stage,
      attempt.stageName,
      attempt.node,
      attempt.run,
      attempt.status,
      attempt.startedAt,
      attempt.seconds,
    );
  }

  private records(where: string, ...values: ReadonlyArray<string | number>): ReadonlyArray<Action> {
    return this.prepare(`SELECT record FROM actions WHERE ${where}`)
      .all(...values)
      .map((row) => decodeAction(row["record"]));
  }

  /** Others write before or after, never between. */
  transaction<A>(body: () => A): A {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      const value = body();
      this.database.exec("COMMIT");
      return value;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  /** For what is worth nothing after a power cut: no waiting for the disk. In WAL mode this can't harm the rest. */
  private withoutSync<A>(body: () => A): A {
    this.database.exec("PRAGMA synchronous = NORMAL");
    try {
      return body();
    } finally {
      this.database.exec("PRAGMA synchronous = FULL");
    }
  }

  private prepare(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.database.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }
}

const actionRow = (row: Row): ActionRow => ({
  id: Number(row["id"]),
  content: String(row["content"]),
  artifact: String(row["artifact"]),
});
