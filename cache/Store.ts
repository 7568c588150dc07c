/**
 * The store: artifacts by digest, and the actions that made them by key.
 *
 * A commit writes blobs, then the tree, then the action file. A crash in between leaves files without a record, and never a
 * record without files.
 */
import { Context, Effect, Layer, type Scope } from "effect";
import path from "node:path";
import type { Action, Artifact, ArtifactKind } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { addTree, type ReportStored } from "./addTree.ts";
import { Claims } from "./Claims.ts";
import type { ArtifactRow, Index } from "./Index.ts";
import { Ledger } from "./Ledger.ts";
import { type FoundAction, type Look, lookUp } from "./Look.ts";
import { prepareStore } from "./prepareStore.ts";
import type { Attempt } from "./records.ts";
import { remove } from "./remove.ts";
import { SourceDigests } from "./SourceDigests.ts";
import { storeTrouble, type StoreTrouble } from "./StoreTrouble.ts";
import type { Listing } from "./Tree.ts";

/** The pause between two checks of a claim, in milliseconds. */
const claimPollMillis = 200;

export interface StoredAction {
  readonly action: Action;
  readonly artifact: Artifact;
}

export class Store extends Context.Service<
  Store,
  {
    /** The store's directory, an absolute path. */
    readonly home: string;
    /** About `nodes` look-ups; the files of each answer are checked by `stat`. */
    readonly look: <A>(nodes: number, body: (look: Look) => A) => Effect.Effect<A, StoreTrouble>;
    /** Queries the index; `body` may run twice. */
    readonly query: <A>(body: (index: Index) => A) => Effect.Effect<A, StoreTrouble>;
    /** Calls `body` with a function that returns the files of a recorded artifact. */
    readonly withArtifacts: <A>(
      body: (artifact: (digest: Digest) => ArtifactRow | undefined) => A,
    ) => Effect.Effect<A, StoreTrouble>;
    /** Gives `body` the records, to change them. */
    readonly change: <A>(body: (ledger: Ledger) => A) => Effect.Effect<A, StoreTrouble>;
    /** The artifact of a recipe and its action, if the artifact is present. */
    readonly byRecipe: (recipe: Digest) => Effect.Effect<StoredAction | undefined, StoreTrouble>;
    /** Present artifacts whose digest begins with `prefix`: none, one, or two if it is ambiguous. */
    readonly find: (prefix: string) => Effect.Effect<ReadonlyArray<Artifact>, StoreTrouble>;
    /**
     * The first of these artifacts whose directory changed, as far as names and `stat` show. It is moved to `quarantine/`,
     * and computed again when it is needed.
     */
    readonly setTouchedAside: (
      artifacts: ReadonlyArray<Artifact>,
    ) => Effect.Effect<Artifact | undefined, StoreTrouble>;
    /** The directory of an artifact's read-only files. */
    readonly directoryOf: (artifact: Digest) => string;
    /** The directory for work on a content key; it stays until `clear`, also after a crash. */
    readonly workDirectory: (content: Digest) => string;
    /** The directory for the checkpoints of a training identity. */
    readonly checkpointDirectory: (identity: Digest) => string;
    readonly clear: (directory: string) => Effect.Effect<void, StoreTrouble>;
    /** Moves the files of a directory into the store. */
    readonly addTree: (
      directory: string,
      listing: Listing,
      kind: ArtifactKind,
      report?: ReportStored,
    ) => Effect.Effect<Artifact, StoreTrouble>;
    /** The last step of a commit; false, without a record, if the artifact's files are gone. */
    readonly record: (
      artifact: Artifact,
      action: Action,
      attempt?: Attempt,
    ) => Effect.Effect<boolean, StoreTrouble>;
    /** Records an artifact without its files, as if `pipe gc` had deleted them. */
    readonly recordAbsent: (
      artifact: Artifact,
      action: Action,
    ) => Effect.Effect<void, StoreTrouble>;
    /** Those of these artifacts that `pipe gc` deleted; it deletes none of a living run's artifacts afterwards. */
    readonly takenAway: (
      artifacts: ReadonlySet<Digest>,
    ) => Effect.Effect<ReadonlySet<Digest>, StoreTrouble>;
    /** Records further recipes of artifacts that were found. */
    readonly adopt: (
      adopted: ReadonlyArray<readonly [recipe: Digest, found: FoundAction]>,
    ) => Effect.Effect<void, StoreTrouble>;
    readonly recordAttempt: (attempt: Attempt) => Effect.Effect<void, StoreTrouble>;
    /** Claims the key until the scope closes, or returns the name of the process that holds it. */
    readonly claim: (key: Digest) => Effect.Effect<string | undefined, StoreTrouble, Scope.Scope>;
    /** Returns when no living process holds the key. */
    readonly whenFree: (key: Digest) => Effect.Effect<void, StoreTrouble>;
    /** Digests of local files; unchanged files are not read again. */
    readonly sourceDigests: () => SourceDigests;
    readonly rememberSources: (
      learned: SourceDigests["learned"],
    ) => Effect.Effect<void, StoreTrouble>;
  }
>()("pipe/Store") {
  /** The store in a directory, created if it is missing. */
  static readonly layer = (home: string) =>
    Layer.effect(Store, openStore(path.resolve(home), "write"));

  /** The store to read; a missing one is empty and is not created. */
  static readonly layerReadOnly = (home: string) =>
    Layer.effect(Store, openStore(path.resolve(home), "read"));
}

const attempt = <A>(doing: string, body: () => A) =>
  Effect.try({ try: body, catch: storeTrouble(doing) });

const cantRead = "the store can't be read";
const cantWrite = "the store can't be written";

const openStore = (home: string, mode: "read" | "write") =>
  Effect.gen(function* () {
    const at = (...parts: ReadonlyArray<string>) => path.join(home, ...parts);
    const ledger = yield* Effect.acquireRelease(
      attempt(`the store ${home} can't be opened`, () => {
        prepareStore(home, mode);
        return new Ledger(home);
      }),
      (open) => Effect.sync(() => open.close()),
    );
    const { trees } = ledger;
    const claims = yield* Effect.acquireRelease(
      Effect.sync(() => new Claims(home)),
      (held) => Effect.sync(() => held.close()),
    );
    const query = <A>(body: (index: Index) => A) => attempt(cantRead, () => ledger.ask(body));
    const change = <A>(body: () => A) => attempt(cantWrite, body);
    const look = <A>(nodes: number, body: (look: Look) => A) =>
      attempt(cantRead, () => ledger.peek((index) => body(lookUp(index, trees, nodes, ledger))));
    const find = (index: Index, prefix: string) =>
      index.artifactsByPrefix(prefix).filter(({ digest, files }) => trees.isSound(digest, files));
    const byRecipe = (index: Index, recipe: Digest): StoredAction | undefined => {
      const found = lookUp(index, trees, 1, ledger).byRecipe(recipe);
      if (found?.state !== "present") return undefined;
      const action = index.action(found.id);
      const row = index.artifact(found.artifact);
      if (action === undefined || row === undefined) return undefined;
      const { files, bytes } = row;
      return { action, artifact: { digest: found.artifact, kind: action.kind, files, bytes } };
    };

    return Store.of({
      home,
      look,
      query,
      withArtifacts: (body) => attempt(cantRead, () => body((digest) => ledger.artifact(digest))),
      change: (body) => change(() => body(ledger)),
      byRecipe: (recipe) => query((index) => byRecipe(index, recipe)),
      find: (prefix) => query((index) => find(index, prefix)),
      setTouchedAside: (artifacts) =>
        attempt(cantRead, () => {
          const touched = artifacts.find((artifact) => !trees.isUntouched(artifact));
          if (touched !== undefined) trees.setAside(touched.digest);
          return touched;
        }),
      directoryOf: (artifact) => trees.directoryOf(artifact),
      workDirectory: (content) => at("work", content),
      checkpointDirectory: (identity) => at("checkpoints", identity),
      clear: (directory) => attempt(`${directory} can't be removed`, () => remove(directory)),
      addTree: (directory, listing, kind, report) =>
        Effect.tryPromise({
          try: (signal) => addTree(trees, { directory, listing, kind }, signal, report),
          catch: storeTrouble("an artifact can't be stored"),
        }),
      record: (artifact, action, made) =>
        change(() => {
          const { content, training } = action;
          claims.assertOwn(training === undefined ? [content] : [content, training]);
          return ledger.record(artifact, action, made);
        }),
      recordAbsent: (artifact, action) => change(() => ledger.recordAbsent(artifact, action)),
      takenAway: (artifacts) => change(() => ledger.takenAway(artifacts)),
      adopt: (adopted) =>
        change(() =>
          ledger.adopt(
            adopted.map(([recipe, { content, artifact }]) => ({ recipe, content, artifact })),
          ),
        ),
      recordAttempt: (record) => change(() => ledger.recordAttempt(record)),
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
      sourceDigests: () => new SourceDigests((file) => ledger.ask((index) => index.fileStat(file))),
      rememberSources: (learned) =>
        learned.size === 0 ? Effect.void : query((index) => index.learnFileStats(learned)),
    });
  });
