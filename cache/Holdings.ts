/** The artifacts in the store with their actions and inputs, read once for `pipe gc`. */
import fs from "node:fs";
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { inputDigests } from "../schemas/KeyParts.ts";
import type { Index } from "./Index.ts";
import type { Trees } from "./Trees.ts";

/** An artifact whose files are in the store. */
export interface Holding {
  readonly digest: Digest;
  /** The recipes that it answers. */
  readonly recipes: ReadonlyArray<Digest>;
  /** The sizes of its files in bytes, by the path of their blob. */
  readonly blobs: ReadonlyMap<string, number>;
  /** The newest action that made it. */
  readonly madeBy: Action | undefined;
  /** The artifacts that it was made from. */
  readonly inputs: ReadonlySet<Digest>;
}

export interface Holdings {
  readonly artifacts: ReadonlyMap<Digest, Holding>;
  /** Every content key that has an answer. */
  readonly answered: ReadonlySet<Digest>;
  /** The artifacts of each training identity, at every horizon. */
  readonly trained: ReadonlyMap<Digest, ReadonlySet<Digest>>;
}

export const readHoldings = (index: Index, trees: Trees): Holdings => {
  const answered = new Set<Digest>();
  const trained = new Map<Digest, Set<Digest>>();
  const recipes = new Map<Digest, Array<Digest>>();
  const newest = new Map<Digest, Action>();
  for (const { record } of index.rows("SELECT record FROM actions ORDER BY ord")) {
    const action = JSON.parse(String(record)) as Action;
    const { artifact, content, recipe, training } = action;
    answered.add(content);
    newest.set(artifact, action);
    append(recipes, artifact, recipe);
    if (training !== undefined)
      trained.set(training, (trained.get(training) ?? new Set()).add(artifact));
  }
  const artifacts = new Map<Digest, Holding>();
  const absences = index.absences.all();
  for (const [digest, files] of index.allArtifacts()) {
    if (absences.has(digest) || !fs.existsSync(trees.directoryOf(digest))) continue;
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
