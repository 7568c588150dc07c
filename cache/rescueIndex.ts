/** A damaged index: how it shows, and what can be saved from it. */
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type { TreeFile } from "../schemas/Artifact.ts";
import { namesIn } from "./diskUse.ts";
import { Index, type Row } from "./Index.ts";
import { StoreTrouble } from "./StoreTrouble.ts";
import { artifactOf, hashFile, listFiles, treeFile } from "./Tree.ts";
import { decodeAction, decodeFiles } from "./records.ts";

export const indexFile = (home: string) => path.join(home, "index.sqlite");

/** What is wrong with the index as a file; undefined where SQLite is content. */
export const indexDamage = (home: string): string | undefined => {
  const file = indexFile(home);
  const trees = namesIn(path.join(home, "trees")).length;
  if (!fs.existsSync(file)) return trees === 0 ? undefined : "it is missing";
  try {
    const index = Index.reading(file);
    try {
      for (const { name } of tables) index.rows(`SELECT 1 FROM ${name} LIMIT 1`);
      const [said] = index.rows("PRAGMA integrity_check(1)").flatMap(Object.values);
      if (said !== "ok") return String(said).replaceAll(/\s+/gu, " ");
    } finally {
      index.close();
    }
    return trees > 0 && isEmpty(file) ? "it is empty" : undefined;
  } catch (error) {
    if (error instanceof StoreTrouble) throw error;
    return (error as Error).message;
  }
};

const isEmpty = (file: string): boolean => {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare("PRAGMA user_version").get()?.["user_version"] === 0;
  } finally {
    database.close();
  }
};

interface Table {
  readonly name: string;
  readonly key: string;
  readonly columns: ReadonlyArray<string>;
  /** Throws where the row can't have been written like this. */
  readonly check: (row: Row) => void;
}

const anything = () => {};

/** What is worth saving. Claims are not: nobody is at work. Nor are the known digests of files: they are taken again. */
const tables: ReadonlyArray<Table> = [
  {
    name: "artifacts",
    key: "digest",
    columns: ["digest", "bytes", "files", "collected"],
    check: ({ digest, files }) => {
      if (artifactOf("files", decodeFiles(files)).digest !== digest) throw new Error("not its own");
    },
  },
  {
    name: "actions",
    key: "id",
    columns: ["id", "recipe", "content", "artifact", "stage", "experiment", "node", "record"],
    check: ({ record, recipe, content, artifact }) => {
      const action = decodeAction(record);
      if (action.recipe !== recipe || action.content !== content || action.artifact !== artifact)
        throw new Error("not its own");
    },
  },
  { name: "nondeterministic", key: "content", columns: ["content"], check: anything },
  {
    name: "attempts",
    key: "number",
    columns: "number id recipe stage stage_name node run status started_at seconds".split(" "),
    check: anything,
  },
  { name: "tags", key: "name", columns: ["name", "artifact", "tagged_at"], check: anything },
];

export interface Rescued {
  /** Where the damaged index lies now; absent where there was none. */
  readonly aside: string | undefined;
  /** Rows saved, by table. */
  readonly saved: ReadonlyMap<string, number>;
  /** Tables of which some rows could not be read. */
  readonly torn: ReadonlyArray<string>;
  /** Artifacts that are there, as their own bytes prove, and of which the index had no word left. */
  readonly fromTrees: number;
  /** Artifacts that are there and that no action names any more: what made them is made again. */
  readonly nameless: number;
}

/** Moves the index out of the way and makes a new one from all rows that can be read, and from the trees themselves. */
export const rescueIndex = async (home: string): Promise<Rescued> => {
  const aside = moveAside(indexFile(home));
  const index = Index.writing(indexFile(home));
  try {
    const saved = new Map<string, number>();
    const torn: Array<string> = [];
    for (const table of tables) {
      const { rows, whole } = aside === undefined ? nothing : readable(aside, table);
      if (!whole) torn.push(table.name);
      saved.set(table.name, insertAll(index, table, rows));
    }
    const fromTrees = await recordTrees(home, index);
    const [row] = index.rows(
      "SELECT count(*) AS count FROM artifacts WHERE collected = 0 AND digest NOT IN (SELECT artifact FROM actions)",
    );
    return { aside, saved, torn, fromTrees, nameless: Number(row?.["count"]) };
  } finally {
    index.close();
  }
};

const nothing = { rows: [], whole: false };

const moveAside = (file: string): string | undefined => {
  if (!fs.existsSync(file)) return undefined;
  let number = 1;
  while (fs.existsSync(`${file}.corrupt-${number}`)) number += 1;
  const aside = `${file}.corrupt-${number}`;
  // The log beside it belongs to it, and may hold its newest rows.
  for (const suffix of ["-wal", "-shm", ""])
    if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, aside + suffix);
  return aside;
};

/** From the front until it breaks, then from the back. */
const readable = (file: string, { name, key, columns, check }: Table) => {
  const rows = new Map<SQLOutputValue, Row>();
  let whole = true;
  for (const order of ["ASC", "DESC"]) {
    try {
      const database = new DatabaseSync(file);
      try {
        const select = `SELECT ${columns.join(", ")} FROM ${name} ORDER BY ${key} ${order}`;
        for (const row of database.prepare(select).iterate()) {
          if (rows.has(row[key] ?? null)) continue;
          if (passes(check, row)) rows.set(row[key] ?? null, row);
          else whole = false;
        }
        return { rows: [...rows.values()], whole };
      } finally {
        database.close();
      }
    } catch {
      whole = false;
    }
  }
  return { rows: [...rows.values()], whole };
};

const passes = (check: Table["check"], row: Row): boolean => {
  try {
    check(row);
    return true;
  } catch {
    return false;
  }
};

const insertAll = (index: Index, { name, columns }: Table, rows: ReadonlyArray<Row>): number =>
  index.transaction(() => {
    const sql = `INSERT OR IGNORE INTO ${name} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
    for (const row of rows)
      index.change(sql, ...columns.map((column) => row[column] as string | number));
    const [counted] = index.rows(`SELECT count(*) AS count FROM ${name}`);
    return Number(counted?.["count"]);
  });

/** A tree whose bytes add up to its name needs nobody's word. */
const recordTrees = async (home: string, index: Index): Promise<number> => {
  const known = new Set(index.rows("SELECT digest FROM artifacts").map(({ digest }) => digest));
  let recorded = 0;
  for (const digest of namesIn(path.join(home, "trees"))) {
    if (known.has(digest)) continue;
    const tree = path.join(home, "trees", digest);
    const artifact = artifactOf("files", await describe(tree));
    if (artifact.digest !== digest) continue;
    index.change(
      "INSERT INTO artifacts VALUES (?, ?, ?, 0)",
      digest,
      artifact.bytes,
      JSON.stringify(artifact.files),
    );
    recorded += 1;
  }
  return recorded;
};

const describe = async (tree: string): Promise<ReadonlyArray<TreeFile>> => {
  const files: Array<TreeFile> = [];
  for (const name of listFiles(tree).files) {
    const file = path.join(tree, name);
    const { sha256, size } = await hashFile(file);
    files.push(treeFile(name, sha256, size, fs.statSync(file).mode));
  }
  return files;
};
