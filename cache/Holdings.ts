/** What the store holds, read once for those who decide what stays: artifacts, what made them, and who took from them. */
import fs from "node:fs";
import type { Action, TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { inputDigests } from "../schemas/KeyParts.ts";
import type { Index } from "./Index.ts";
import type { Trees } from "./Trees.ts";

/** An artifact whose files are there. */
export interface Holding {
  readonly digest: Digest;
  /** The recipes that it answers. */
  readonly recipes: ReadonlyArray<Digest>;
  /** Its files by the path of their blob, with their size in bytes. */
  readonly blobs: ReadonlyMap<string, number>;
  /** The newest action that made it; one that nobody knows the origin of has none. */
  readonly madeBy: Action | undefined;
  /** The artifacts that it was made from. */
  readonly inputs: ReadonlySet<Digest>;
}

export interface Holdings {
  readonly artifacts: ReadonlyMap<Digest, Holding>;
  /** Every content key that has an answer. */
  readonly answered: ReadonlySet<Digest>;
  /** The artifacts of each training identity, those of other horizons among them. */
  readonly trained: ReadonlyMap<Digest, ReadonlySet<Digest>>;
}

export const readHoldings = (index: Index, trees: Trees): Holdings => {
  const answered = new Set<Digest>();
  const trained = new Map<Digest, Set<Digest>>();
  const recipes = new Map<Digest, Array<Digest>>();
  const newest = new Map<Digest, Action>();
  for (const { record } of index.rows("SELECT record FROM actions ORDER BY id")) {
    const action = JSON.parse(String(record)) as Action;
    const { artifact, content, recipe, training } = action;
    answered.add(content);
    newest.set(artifact, action);
    append(recipes, artifact, recipe);
    if (training !== undefined)
      trained.set(training, (trained.get(training) ?? new Set()).add(artifact));
  }
  const artifacts = new Map<Digest, Holding>();
  for (const row of index.rows("SELECT digest, files FROM artifacts WHERE collected = 0")) {
    const digest = String(row["digest"]);
    if (!fs.existsSync(trees.directoryOf(digest))) continue;
    const files = JSON.parse(String(row["files"])) as ReadonlyArray<TreeFile>;
    const madeBy = newest.get(digest);
    artifacts.set(digest, {
      digest,
      recipes: recipes.get(digest) ?? [],
      blobs: new Map(files.map((file) => [trees.blobOf(file), file.size])),
      madeBy,
      inputs: new Set(madeBy === undefined ? [] : inputDigests(madeBy.keyParts)),
    });
  }
  return { artifacts, answered, trained };
};

const append = <Key, Value>(lists: Map<Key, Array<Value>>, key: Key, value: Value) => {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [value]);
  else known.push(value);
};
