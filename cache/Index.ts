/**
 * The index of a store on this host: its records in SQLite, for look-ups by key. It is a cache, rebuilt from the record
 * files whenever it is missing, outdated or damaged. Calls are synchronous: a look-up takes microseconds.
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Action, Artifact, ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { Absences } from "./Absences.ts";
import { openInMemory } from "./IndexFile.ts";
import type { KnownDigest } from "./SourceDigests.ts";
import type { ActionRecord, AdoptionRecord, Attempt } from "./records.ts";

/** The part of an action that look-ups need. */
export interface ActionRow {
  readonly id: number;
  readonly content: Digest;
  readonly artifact: Digest;
}

export interface ArtifactRow {
  readonly files: ReadonlyArray<TreeFile>;
  readonly bytes: number;
}

type Row = Record<string, SQLOutputValue>;

export class Index {
  readonly absences: Absences;
  private database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, absences: Absences) {
    this.database = database;
    this.absences = absences;
  }

  close() {
    this.database.close();
  }

  /** Replaces the database by an empty one in memory. */
  moveToMemory() {
    this.statements.clear();
    try {
      this.database.close();
    } catch {
      // The database has failed already.
    }
    this.database = openInMemory();
  }

  /** An upper bound on the number of actions, at the cost of one look-up. */
  get mostActions(): number {
    return Number(this.prepare("SELECT max(id) AS last FROM actions").get()?.["last"] ?? 0);
  }

  /** The order of the action that was learned last. */
  get lastOrder(): number {
    return Number(
      this.prepare("SELECT ord FROM actions ORDER BY id DESC LIMIT 1").get()?.["ord"] ?? 0,
    );
  }

  allActions(): ReadonlyArray<ActionRow & { readonly recipe: Digest; readonly order: number }> {
    const rows = this.prepare("SELECT recipe, content, artifact, id, ord FROM actions").all();
    return rows.map((row) => ({
      ...actionRow(row),
      recipe: String(row["recipe"]),
      order: Number(row["ord"]),
    }));
  }

  /** The actions of a recipe, newest first. */
  byRecipe(recipe: Digest): ReadonlyArray<ActionRow> {
    return this.prepare(
      "SELECT id, content, artifact FROM actions WHERE recipe = ? ORDER BY ord DESC",
    )
      .all(recipe)
      .map(actionRow);
  }

  /** One action for each artifact that answers a content key, newest first. */
  byContent(content: Digest): ReadonlyArray<ActionRow> {
    return this.prepare(
      "SELECT id, max(ord) AS ord, content, artifact FROM actions WHERE content = ? GROUP BY artifact ORDER BY 2 DESC",
    )
      .all(content)
      .map(actionRow);
  }

  action(id: number): Action | undefined {
    const row = this.prepare("SELECT record FROM actions WHERE id = ?").get(id);
    return row === undefined ? undefined : actionIn(row);
  }

  /** The actions that made an artifact, newest first. */
  actionsOf(artifact: Digest): ReadonlyArray<Action> {
    return this.prepare("SELECT record FROM actions WHERE artifact = ? ORDER BY ord DESC")
      .all(artifact)
      .map(actionIn);
  }

  /** Content keys with several artifacts. */
  get nondeterministic(): ReadonlySet<Digest> {
    const rows = this.prepare("SELECT content FROM nondeterministic").all();
    return new Set(rows.map((row) => String(row["content"])));
  }

  artifact(digest: Digest): ArtifactRow | undefined {
    const row = this.prepare("SELECT bytes, files FROM artifacts WHERE digest = ?").get(digest);
    if (row === undefined) return undefined;
    return { files: filesIn(row), bytes: Number(row["bytes"]) };
  }

  allArtifacts(): ReadonlyArray<readonly [Digest, ReadonlyArray<TreeFile>]> {
    return this.prepare("SELECT digest, files FROM artifacts")
      .all()
      .map((row) => [String(row["digest"]), filesIn(row)]);
  }

  /** At most two artifacts whose digest begins with `prefix`; two show that it is ambiguous. */
  artifactsByPrefix(prefix: string): ReadonlyArray<Artifact> {
    const rows = this.prepare(
      "SELECT digest FROM artifacts WHERE substr(digest, 1, ?) = ? LIMIT 2",
    ).all(prefix.length, prefix);
    return rows.flatMap((row) => this.artifactWithKind(String(row["digest"])) ?? []);
  }

  /** The digest of a local file, and the state of the file that it belongs to. */
  fileStat(file: string): KnownDigest | undefined {
    const row = this.prepare("SELECT stat, digest FROM file_stats WHERE path = ?").get(file);
    return row === undefined
      ? undefined
      : { stat: String(row["stat"]), digest: String(row["digest"]) };
  }

  learnFileStats(stats: ReadonlyMap<string, KnownDigest>) {
    this.transaction(() => {
      const insert = this.prepare("INSERT OR REPLACE INTO file_stats VALUES (?, ?, ?)");
      for (const [file, { stat, digest }] of stats) insert.run(file, stat, digest);
    });
  }

  /** Keeps the higher order of two actions with the same keys and artifact. */
  learnAction({ order, action, files, attempt }: ActionRecord) {
    this.prepare("INSERT OR IGNORE INTO artifacts VALUES (?, ?, ?)").run(
      action.artifact,
      files.reduce((sum, { size }) => sum + size, 0),
      JSON.stringify(files),
    );
    this.prepare(
      `INSERT INTO actions (ord, recipe, content, artifact, stage, experiment, node, record)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ${unlessOlder}`,
    ).run(
      order,
      action.recipe,
      action.content,
      action.artifact,
      action.stage,
      action.experiment,
      action.node,
      JSON.stringify(action),
    );
    this.prepare(
      "INSERT OR IGNORE INTO nondeterministic SELECT content FROM actions WHERE content = ? AND artifact <> ? LIMIT 1",
    ).run(action.content, action.artifact);
    if (attempt !== undefined) this.learnAttempt(order, attempt);
  }

  learnAttempt(order: number, attempt: Attempt) {
    this.prepare("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      attempt.id,
      order,
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

  learnAdoption({ order, adopted }: AdoptionRecord) {
    const copy = this.prepare(
      `INSERT INTO actions (ord, recipe, content, artifact, stage, experiment, node, record)
       SELECT ?1, ?2, content, artifact, stage, experiment, node, json_set(record, '$.recipe', ?2)
       FROM actions WHERE content = ?3 AND artifact = ?4 ORDER BY ord DESC LIMIT 1 ${unlessOlder}`,
    );
    for (const { recipe, content, artifact } of adopted) copy.run(order, recipe, content, artifact);
  }

  /** The names of a folder's record files that the index has. */
  learnedNames(folder: string): ReadonlySet<string> {
    const rows = this.prepare("SELECT name FROM records WHERE folder = ?").all(folder);
    return new Set(rows.map((row) => String(row["name"])));
  }

  hasLearned(folder: string, name: string): boolean {
    const row = this.prepare("SELECT 1 FROM records WHERE folder = ? AND name = ?");
    return row.get(folder, name) !== undefined;
  }

  noteLearned(folder: string, name: string) {
    this.prepare("INSERT OR IGNORE INTO records VALUES (?, ?)").run(folder, name);
    // Without a state: the next process compares the folder with these names.
    this.prepare("INSERT OR IGNORE INTO folders VALUES (?, '')").run(folder);
  }

  /** The state of each folder when it was learned. */
  learnedFolders(): ReadonlyMap<string, string> {
    const rows = this.prepare("SELECT folder, state FROM folders").all();
    return new Map(rows.map((row) => [String(row["folder"]), String(row["state"])]));
  }

  noteFolder(folder: string, state: string) {
    this.prepare("INSERT OR REPLACE INTO folders VALUES (?, ?)").run(folder, state);
  }

  /** Deletes everything that comes from record files. */
  forgetRecords() {
    for (const table of ["artifacts", "actions", "nondeterministic", "attempts", "records"])
      this.database.exec(`DELETE FROM ${table}`);
    this.database.exec("DELETE FROM folders");
  }

  /** A query in SQL, for the modules of `cache/` alone. */
  rows(sql: string, ...values: ReadonlyArray<string | number>): ReadonlyArray<Row> {
    return this.prepare(sql).all(...values);
  }

  /** Other processes see all changes of `body` or none. */
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

  private artifactWithKind(digest: Digest): Artifact | undefined {
    const row = this.artifact(digest);
    const kind = this.prepare(
      "SELECT json_extract(record, '$.kind') AS kind FROM actions WHERE artifact = ? ORDER BY ord DESC LIMIT 1",
    ).get(digest)?.["kind"];
    if (row === undefined || kind === undefined) return undefined;
    return { digest, kind: kind as ArtifactKind, files: row.files, bytes: row.bytes };
  }

  private prepare(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.database.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }
}

const unlessOlder = `ON CONFLICT (recipe, content, artifact) DO UPDATE SET
  ord = excluded.ord, stage = excluded.stage, experiment = excluded.experiment, node = excluded.node, record = excluded.record
  WHERE excluded.ord >= actions.ord`;

/** Not decoded by a schema, which would be slow at 100,000 nodes: `pipe` wrote it, and its digest was verified. */
const actionIn = (row: Row): Action => JSON.parse(String(row["record"])) as Action;

const filesIn = (row: Row): ReadonlyArray<TreeFile> =>
  JSON.parse(String(row["files"])) as ReadonlyArray<TreeFile>;

const actionRow = (row: Row): ActionRow => ({
  id: Number(row["id"]),
  content: String(row["content"]),
  artifact: String(row["artifact"]),
});
