/**
 * The store: what has been made, by digest, and which key made it.
 *
 * Commit order is blobs, tree, action. A crash in between leaves files that nothing points to; an action never points to
 * files that are not there.
 */
import { Context, Effect, Layer, type Scope } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { Action, Artifact, ArtifactKind } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { Claims } from "./Claims.ts";
import { type Attempt, Index } from "./Index.ts";
import { type Found, type Look, lookInto } from "./Look.ts";
import { remove } from "./remove.ts";
import { SourceDigests } from "./SourceDigests.ts";
import { storeTrouble, type StoreTrouble } from "./StoreTrouble.ts";
import type { Listing } from "./Tree.ts";
import { Trees } from "./Trees.ts";

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
    /** Many look-ups at once, about `nodes` of them; what is found is looked at on the disk, too. */
    readonly look: <A>(nodes: number, body: (look: Look) => A) => Effect.Effect<A, StoreTrouble>;
    /** The index itself, for what only one command asks. */
    readonly query: <A>(body: (index: Index) => A) => Effect.Effect<A, StoreTrouble>;
    /** The artifact of a recipe, and what made it, while it is there. */
    readonly byRecipe: (recipe: Digest) => Effect.Effect<StoredAction | undefined, StoreTrouble>;
    /** Artifacts whose digest begins with `prefix` and that are there: none, one, or two when it is ambiguous. */
    readonly find: (prefix: string) => Effect.Effect<ReadonlyArray<Artifact>, StoreTrouble>;
    /**
     * The first of these whose directory no longer holds what was stored and nothing else, as far as names and `stat` tell. It
     * is taken out of the way: from here on that artifact is damaged, and made again where it is needed.
     */
    readonly setTouchedAside: (
      artifacts: ReadonlyArray<Artifact>,
    ) => Effect.Effect<Artifact | undefined, StoreTrouble>;
    /** Where an artifact's files lie, read-only. */
    readonly directoryOf: (artifact: Digest) => string;
    /** The directory of work on a content key; it stays until `clear`, over crashes. */
    readonly workDirectory: (content: Digest) => string;
    /** The checkpoints of a training, by its identity. */
    readonly checkpointDirectory: (identity: Digest) => string;
    readonly clear: (directory: string) => Effect.Effect<void, StoreTrouble>;
    /** Moves what stands in `directory` into the store. */
    readonly addTree: (
      directory: string,
      listing: Listing,
      kind: ArtifactKind,
    ) => Effect.Effect<Artifact, StoreTrouble>;
    /** From here on the keys are known: the last step of a commit. False, and nothing is, where the files are gone. */
    readonly record: (
      artifact: Artifact,
      action: Action,
      attempt?: Attempt,
    ) => Effect.Effect<boolean, StoreTrouble>;
    /** Which of these `pipe gc` has taken; of those that a living run reaches, it takes none afterwards. */
    readonly takenAway: (
      artifacts: ReadonlySet<Digest>,
    ) => Effect.Effect<ReadonlySet<Digest>, StoreTrouble>;
    /** What is known under one recipe is known under others, too: pairs of a new recipe and what was found. */
    readonly adopt: (
      adopted: ReadonlyArray<readonly [recipe: Digest, found: Found]>,
    ) => Effect.Effect<void, StoreTrouble>;
    readonly recordAttempt: (attempt: Attempt) => Effect.Effect<void, StoreTrouble>;
    /** Holds the key until the scope closes, or says who else holds it. */
    readonly claim: (key: Digest) => Effect.Effect<string | undefined, StoreTrouble, Scope.Scope>;
    /** Returns when nobody alive holds the key. */
    readonly whenFree: (key: Digest) => Effect.Effect<void, StoreTrouble>;
    /** Digests of local files; those remembered are not read again. */
    readonly sourceDigests: () => SourceDigests;
    readonly rememberSources: (
      learned: SourceDigests["learned"],
    ) => Effect.Effect<void, StoreTrouble>;
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

const cantRead = "the index can't be read";
const cantWrite = "the index can't be written";

const openStore = (home: string, mode: "read" | "write") =>
  Effect.gen(function* () {
    const at = (...parts: ReadonlyArray<string>) => path.join(home, ...parts);
    const index = yield* Effect.acquireRelease(
      attempt(`the store ${home} can't be opened`, () => openIndex(home, mode)),
      (open) => Effect.sync(() => open.close()),
    );
    const trees = new Trees(home);
    const claims = yield* Effect.acquireRelease(
      Effect.sync(() => new Claims(home, index)),
      (held) => Effect.sync(() => held.close()),
    );
    const isThere = (artifact: Digest) => fs.existsSync(trees.directoryOf(artifact));
    const find = (prefix: string) =>
      index.artifactsByPrefix(prefix).filter(({ digest, files }) => trees.isSound(digest, files));
    const byRecipe = (recipe: Digest): StoredAction | undefined => {
      const found = lookInto(index, trees, 1).byRecipe(recipe);
      if (found?.state !== "present") return undefined;
      const action = index.action(found.id);
      const row = index.artifact(found.artifact);
      if (action === undefined || row === undefined) return undefined;
      const { files, bytes } = row;
      return { action, artifact: { digest: found.artifact, kind: action.kind, files, bytes } };
    };

    return Store.of({
      home,
      look: (nodes, body) => attempt(cantRead, () => body(lookInto(index, trees, nodes))),
      query: (body) => attempt(cantRead, () => body(index)),
      byRecipe: (recipe) => attempt(cantRead, () => byRecipe(recipe)),
      find: (prefix) => attempt(cantRead, () => find(prefix)),
      setTouchedAside: (artifacts) =>
        attempt("the store can't be read", () => {
          const touched = artifacts.find((artifact) => !trees.isUntouched(artifact));
          if (touched !== undefined) trees.setAside(touched.digest);
          return touched;
        }),
      directoryOf: (artifact) => trees.directoryOf(artifact),
      workDirectory: (content) => at("work", content),
      checkpointDirectory: (identity) => at("checkpoints", identity),
      clear: (directory) => attempt(`${directory} can't be removed`, () => remove(directory)),
      addTree: (directory, listing, kind) =>
        Effect.tryPromise({
          try: () => trees.add(directory, listing, kind),
          catch: storeTrouble("an artifact can't be stored"),
        }),
      record: (artifact, action, made) =>
        attempt(cantWrite, () =>
          index.record(artifact, action, made, (digest) => {
            const { content, training } = action;
            claims.assertOwn(training === undefined ? [content] : [content, training]);
            return isThere(digest);
          }),
        ),
      takenAway: (artifacts) => attempt(cantWrite, () => index.takenAway(artifacts, isThere)),
      adopt: (adopted) =>
        attempt(cantWrite, () => index.adopt(adopted.map(([recipe, { id }]) => [recipe, id]))),
      recordAttempt: (record) => attempt(cantWrite, () => index.recordAttempt(record)),
      claim: (key) =>
        attempt("a claim can't be written", () => claims.take(key)).pipe(
          Effect.tap((taken) =>
            typeof taken === "string"
              ? Effect.void
              : Effect.addFinalizer(() => Effect.sync(taken.release)),
          ),
          Effect.map((taken) => (typeof taken === "string" ? taken : undefined)),
          Effect.uninterruptible,
        ),
      whenFree: (key) =>
        attempt(cantRead, () => claims.isHeld(key)).pipe(
          Effect.delay(claimPollMillis),
          Effect.repeat({ while: (held) => held }),
          Effect.asVoid,
        ),
      sourceDigests: () => new SourceDigests((file) => index.fileStat(file)),
      rememberSources: (learned) => attempt(cantWrite, () => index.recordFileStats(learned)),
    });
  });

const openIndex = (home: string, mode: "read" | "write"): Index => {
  // Else a reader would find nothing in it, and take that for a store that is not there yet.
  if (fs.existsSync(home)) fs.readdirSync(home);
  const file = path.join(home, "index.sqlite");
  // Asked before the index is: a store that others begin at this moment has its index before its first tree.
  const isExpected = isInhabited(path.join(home, "trees"));
  if (mode === "read") return Index.reading(file, { isExpected });
  makeDirectory(home);
  for (const directory of ["blobs", "trees", "runs", "work", "checkpoints", "incoming", "owners"])
    fs.mkdirSync(path.join(home, directory), { recursive: true });
  return Index.writing(file, { isExpected });
};

/** One entry is enough to know; there may be very many. */
const isInhabited = (directory: string): boolean => {
  if (!fs.existsSync(directory)) return false;
  const opened = fs.opendirSync(directory);
  try {
    return opened.readSync() !== null;
  } finally {
    opened.closeSync();
  }
};

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
