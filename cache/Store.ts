/**
 * The store: what has been made, by digest, and which key made it.
 *
 * Commit order is blobs, tree, action. A crash in between leaves files that nothing points to; an action never points to
 * files that are not there.
 */
import { Context, Effect, Layer, type Scope } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Action, Artifact, ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { type Attempt, Index } from "./Index.ts";
import { describeOwner, thisProcess } from "./Owner.ts";
import { storeTrouble, type StoreTrouble } from "./StoreTrouble.ts";
import { artifactOf, describeFile, listFiles, syncPath } from "./Tree.ts";

/** How often a waiting run asks whether a claim has become free, in milliseconds. */
const claimPollMillis = 200;

export interface StoredAction {
  readonly action: Action;
  readonly artifact: Artifact;
}

export class Store extends Context.Service<
  Store,
  {
    /** The store's own directory, absolute. */
    readonly home: string;
    readonly byRecipe: (recipe: Digest) => Effect.Effect<StoredAction | undefined, StoreTrouble>;
    readonly byContent: (content: Digest) => Effect.Effect<StoredAction | undefined, StoreTrouble>;
    /** Artifacts whose digest begins with `prefix`: none, one, or two when it is ambiguous. */
    readonly find: (prefix: string) => Effect.Effect<ReadonlyArray<Artifact>, StoreTrouble>;
    readonly actionsOf: (artifact: Digest) => Effect.Effect<ReadonlyArray<Action>, StoreTrouble>;
    /** Where an artifact's files lie, read-only. */
    readonly directoryOf: (artifact: Digest) => string;
    /** The directory of work on a key; it stays until `clearWork`, over crashes. */
    readonly workDirectory: (content: Digest) => Effect.Effect<string, StoreTrouble>;
    readonly clearWork: (content: Digest) => Effect.Effect<void, StoreTrouble>;
    /** Moves the files of `directory` into the store. */
    readonly addTree: (
      directory: string,
      kind: ArtifactKind,
    ) => Effect.Effect<Artifact, StoreTrouble>;
    /** From here on the key is known: the last step of a commit. */
    readonly record: (artifact: Artifact, action: Action) => Effect.Effect<void, StoreTrouble>;
    readonly recordAttempt: (attempt: Attempt) => Effect.Effect<void, StoreTrouble>;
    /** Holds the key until the scope closes; waits as long as somebody alive holds it, who is told to `onWait` once. */
    readonly claim: <R>(
      key: Digest,
      onWait: (owner: string) => Effect.Effect<void, never, R>,
    ) => Effect.Effect<void, StoreTrouble, R | Scope.Scope>;
  }
>()("pipe/Store") {
  /** The store in a directory, made when it is missing. */
  static readonly layer = (home: string) =>
    Layer.effect(Store, openStore(path.resolve(home), "write"));

  /** The store as it is, nothing made or changed: a missing one is an empty one. */
  static readonly layerReadOnly = (home: string) =>
    Layer.effect(Store, openStore(path.resolve(home), "read"));
}

const attempt = <A>(doing: string, body: () => A) =>
  Effect.try({ try: body, catch: storeTrouble(doing) });

const openStore = (home: string, mode: "read" | "write") =>
  Effect.gen(function* () {
    const at = (...parts: ReadonlyArray<string>) => path.join(home, ...parts);
    const index = yield* Effect.acquireRelease(
      attempt(`the store ${home} can't be opened`, () => {
        if (mode === "read") return Index.reading(at("index.sqlite"));
        makeDirectory(home);
        for (const directory of ["blobs", "trees", "runs", "work", "incoming"])
          fs.mkdirSync(at(directory), { recursive: true });
        return Index.writing(at("index.sqlite"));
      }),
      (open) => Effect.sync(() => open.close()),
    );
    const self = thisProcess();
    const directoryOf = (artifact: Digest) => at("trees", artifact);

    /** An action counts only while its artifact is there. */
    const present = (action: Action | undefined): StoredAction | undefined => {
      if (action === undefined) return undefined;
      const artifact = index.artifact(action.artifact);
      return artifact !== undefined && fs.existsSync(directoryOf(artifact.digest))
        ? { action, artifact }
        : undefined;
    };

    const release = (key: Digest, token: string) => Effect.sync(() => index.release(key, token));
    const tryClaim = (key: Digest, token: string) =>
      attempt("a claim can't be written", () => index.claim(key, token, self));

    return Store.of({
      home,
      byRecipe: (recipe) =>
        attempt("the index can't be read", () => present(index.byRecipe(recipe))),
      byContent: (content) =>
        attempt("the index can't be read", () => present(index.byContent(content))),
      find: (prefix) =>
        attempt("the index can't be read", () =>
          index
            .artifactsByPrefix(prefix)
            .filter(({ digest }) => fs.existsSync(directoryOf(digest))),
        ),
      actionsOf: (artifact) => attempt("the index can't be read", () => index.actionsOf(artifact)),
      directoryOf,
      workDirectory: (content) =>
        attempt("the work directory can't be made", () => {
          fs.mkdirSync(at("work", content), { recursive: true });
          return at("work", content);
        }),
      clearWork: (content) =>
        attempt("the work directory can't be removed", () =>
          fs.rmSync(at("work", content), { recursive: true, force: true }),
        ),
      addTree: (directory, kind) =>
        Effect.tryPromise({
          try: () => addTree(home, directory, kind),
          catch: storeTrouble("an artifact can't be stored"),
        }),
      record: (artifact, action) =>
        attempt("the index can't be written", () => index.record(artifact, action)),
      recordAttempt: (record) =>
        attempt("the index can't be written", () => index.recordAttempt(record)),
      claim: Effect.fnUntraced(function* (key, onWait) {
        const token = randomUUID();
        const take = tryClaim(key, token).pipe(
          Effect.tap((holder) =>
            holder === undefined ? Effect.addFinalizer(() => release(key, token)) : Effect.void,
          ),
          Effect.uninterruptible,
        );
        let told = false;
        for (let holder = yield* take; holder !== undefined; holder = yield* take) {
          if (!told) yield* onWait(describeOwner(holder));
          told = true;
          yield* Effect.sleep(claimPollMillis);
        }
      }),
    });
  });

/** Level by level: Node's own recursive mkdir never returns below a directory that takes none, such as /proc. */
const makeDirectory = (directory: string) => {
  if (fs.existsSync(directory)) return;
  makeDirectory(path.dirname(directory));
  try {
    fs.mkdirSync(directory);
  } catch (error) {
    if (!fs.existsSync(directory)) throw error;
  }
};

/** Blobs first, then a directory of hard links to them under the tree's digest. */
const addTree = async (home: string, directory: string, kind: ArtifactKind): Promise<Artifact> => {
  const files: Array<TreeFile> = [];
  for (const relative of listFiles(directory)) {
    const file = await describeFile(directory, relative);
    storeBlob(home, path.join(directory, relative), file);
    files.push(file);
  }
  const artifact = artifactOf(kind, files);
  const tree = path.join(home, "trees", artifact.digest);
  if (fs.existsSync(tree)) return artifact;
  const incoming = path.join(home, "incoming", randomUUID());
  fs.mkdirSync(incoming);
  for (const file of files) {
    const target = path.join(incoming, file.path);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.linkSync(blobPath(home, file), target);
  }
  try {
    fs.renameSync(incoming, tree);
    syncPath(path.join(home, "trees"));
  } catch (error) {
    // Another process has just stored the same tree: theirs is as good.
    if (!fs.existsSync(tree)) throw error;
    fs.rmSync(incoming, { recursive: true, force: true });
  }
  return artifact;
};

/** An executable blob is a blob of its own: the mode belongs to the shared inode. */
const blobPath = (home: string, file: TreeFile): string =>
  path.join(
    home,
    "blobs",
    file.sha256.slice(0, 2),
    file.executable === true ? `${file.sha256}.x` : file.sha256,
  );

const storeBlob = (home: string, source: string, file: TreeFile) => {
  const blob = blobPath(home, file);
  if (fs.existsSync(blob)) return;
  fs.mkdirSync(path.dirname(blob), { recursive: true });
  const ready = isOurs(source) ? source : copied(home, source);
  // Whole, read-only and on the disk before it has its name: a blob that is there is trusted.
  fs.chmodSync(ready, file.executable === true ? 0o555 : 0o444);
  syncPath(ready);
  fs.renameSync(ready, blob);
  syncPath(path.dirname(blob));
};

/** What a link points to, or what has another name elsewhere, is not ours to move. */
const isOurs = (source: string): boolean =>
  fs.realpathSync(source) === path.resolve(source) && fs.statSync(source).nlink === 1;

const copied = (home: string, source: string): string => {
  const incoming = path.join(home, "incoming", randomUUID());
  fs.copyFileSync(source, incoming);
  return incoming;
};
