/**
 * Making room: what would go, and taking it away beside processes that work in the same store.
 *
 * An artifact goes in this order: the index says that it is collected, its tree goes, then the blobs that no other has. A
 * kill in between leaves files that nothing needs, and never a word that is not true. Its action stays: what was made from
 * it is still found.
 *
 * Beside the living: a run has its plan written down before it uses what it has found, and asks afterwards whether that is
 * still there; what is marked here is looked at anew in the same transaction (`takenAway` of the index is the other half).
 */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import {
  bytesHeld,
  chooseGoing,
  type GoingArtifact,
  reaches,
  type RunRoot,
} from "./chooseGoing.ts";
import { diskUse } from "./diskUse.ts";
import { readHoldings } from "./Holdings.ts";
import type { Index } from "./Index.ts";
import { blobsOf, findGarbage, findLeftovers, type Leftover, othersLive } from "./Leftovers.ts";
import { ownerLives } from "./OwnerLock.ts";
import { remove } from "./remove.ts";
import { Store } from "./Store.ts";
import { StoreTrouble } from "./StoreTrouble.ts";
import { allTags } from "./Tags.ts";
import { incomingPath, isMissing, Trees } from "./Trees.ts";

/** The runs of the store, as the house above knows them. */
export interface Runs {
  /** The newest last. */
  readonly names: () => ReadonlyArray<string>;
  readonly read: (run: string) => RunRoot;
}

export interface GcOptions {
  /** Runs that began earlier are no roots and go; milliseconds since the epoch. */
  readonly before?: number;
  /** How many bytes the whole store may have. */
  readonly maxBytes?: number;
}

export interface GcPlan {
  readonly artifacts: ReadonlyArray<GoingArtifact>;
  readonly leftovers: ReadonlyArray<Leftover>;
  /** Bytes of the whole store as it is. */
  readonly total: number;
  /** Runs whose artifacts stay, the newest last. */
  readonly kept: ReadonlyArray<RunRoot>;
  /** The names of all runs there were. */
  readonly known: ReadonlySet<string>;
}

export const goingBytes = ({ artifacts, leftovers }: GcPlan): number =>
  artifacts.reduce((sum, { freed }) => sum + freed, 0) + bytesOf(leftovers);

const bytesOf = (leftovers: ReadonlyArray<Leftover>): number =>
  leftovers.reduce((sum, { bytes }) => sum + bytes, 0);

/** What would go. Nothing is changed. */
export const planGc = (
  home: string,
  index: Index,
  runs: Runs,
  { before = -Infinity, maxBytes = Infinity }: GcOptions,
  own?: string,
): GcPlan => {
  const total = diskUse(home);
  const all = runs.names().map(runs.read);
  const old = all.filter((run) => !run.lives && run.begunAt < before);
  const kept = all.filter((run) => !old.includes(run));
  const known = new Set(all.map(({ run }) => run));
  const holdings = readHoldings(index, new Trees(home));
  const tagged = new Set(allTags(index).map(({ artifact }) => artifact));
  const oldRuns = old.map(({ run }): Leftover => {
    const directory = `${home}/runs/${run}`;
    return { kind: "OldRun", paths: [directory], bytes: diskUse(directory) };
  });
  const planWith = (mostHeld: number, room: boolean): GcPlan => {
    const roots = { runs: kept, tagged };
    const artifacts = chooseGoing({ artifacts: holdings.artifacts, roots, maxBytes: mostHeld });
    const going = new Set(artifacts.map(({ holding }) => holding.digest));
    const leftovers = findLeftovers(home, index, { holdings, going, before, room, own });
    return { artifacts, leftovers: [...oldRuns, ...leftovers], total, kept, known };
  };
  const unreached = planWith(Infinity, false);
  if (total - goingBytes(unreached) <= maxBytes) return unreached;
  // Checkpoints go before artifacts: what was trained is there.
  const { leftovers } = planWith(Infinity, true);
  const others = total - bytesHeld(holdings.artifacts.values()) - bytesOf(leftovers);
  return planWith(Math.max(0, maxBytes - others), true);
};

export interface Swept {
  /** What was to go and is needed after all, since the plan was made. */
  readonly spared: number;
  /** Bytes of the whole store afterwards. */
  readonly total: number;
}

const claimKey = "pipe gc";

/** Plans and takes away, as the only one at it. */
export const sweep = Effect.fnUntraced(function* (runs: Runs, options: GcOptions) {
  const store = yield* Store;
  const { home } = store;
  const holder = yield* store.claim(claimKey);
  if (holder !== undefined)
    return yield* new StoreTrouble({
      message: `another pipe gc is at work in this store: ${holder}`,
      fix: "wait for it to end",
    });
  const own = yield* store.query((index) => index.ownerOf(claimKey));
  const gcPlan = yield* store.query((index) => planGc(home, index, runs, options, own));

  const marked = yield* store.query((index) => mark(index, new Trees(home), runs, gcPlan));
  for (const each of marked) yield* store.query((index) => takeArtifact(home, index, each));
  let spared = gcPlan.artifacts.length - marked.length;
  for (const leftover of gcPlan.leftovers) {
    const taken = yield* takeLeftover(home, leftover, own);
    if (!taken) spared += 1;
  }
  for (const blob of blobsOf(home)) takeBlob(home, blob);
  const swept = { spared, total: diskUse(home) } satisfies Swept;
  return [gcPlan, swept] as const;
}, Effect.scoped);

interface Marked {
  readonly artifact: GoingArtifact;
  readonly tree: string;
  /** By it the tree is told from one that is stored anew meanwhile. */
  readonly inode: number;
}

/** Who began since the plan was made, and what the living have found since, counts. */
const mark = (index: Index, trees: Trees, runs: Runs, { artifacts, kept, known }: GcPlan) =>
  index.transaction((): ReadonlyArray<Marked> => {
    const fresh = runs
      .names()
      .filter((run) => !known.has(run))
      .map(runs.read);
    const firm = [...kept.filter((run) => run.lives), ...kept.slice(-1), ...fresh];
    const tagged = new Set(allTags(index).map(({ artifact }) => artifact));
    return artifacts.flatMap((artifact) => {
      const { digest } = artifact.holding;
      const recipes = index
        .rows("SELECT recipe FROM actions WHERE artifact = ?", digest)
        .map(({ recipe }) => String(recipe));
      const roots = artifact.because === "room" ? firm : [...kept, ...fresh];
      const needed = roots.some((run) => reaches(run, { ...artifact.holding, recipes }));
      const tree = trees.directoryOf(digest);
      const stat = fs.statSync(tree, { throwIfNoEntry: false });
      if (needed || tagged.has(digest) || stat === undefined) return [];
      index.change("UPDATE artifacts SET collected = 1 WHERE digest = ?", digest);
      return [{ artifact, tree, inode: stat.ino }];
    });
  });

/** First out of the way within a transaction, where nobody can take it for there; then gone. */
const takeArtifact = (home: string, index: Index, { artifact, tree, inode }: Marked) => {
  const { digest, blobs } = artifact.holding;
  const away = index.transaction(() =>
    isCollected(index, digest) === true && inodeOf(tree) === inode
      ? moveAway(home, tree)
      : undefined,
  );
  if (away === undefined) return;
  remove(away);
  for (const blob of blobs.keys()) takeBlob(home, blob);
};

const isCollected = (index: Index, artifact: Digest): boolean | undefined => {
  const [row] = index.rows("SELECT collected FROM artifacts WHERE digest = ?", artifact);
  return row === undefined ? undefined : row["collected"] === 1;
};

const inodeOf = (target: string) => fs.statSync(target, { throwIfNoEntry: false })?.ino;

/** Undefined where it is gone: `pipe fsck --repair` may be at the same garbage. */
const moveAway = (home: string, target: string): string | undefined => {
  const away = incomingPath(home);
  try {
    fs.renameSync(target, away);
    return away;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** What somebody stores at this moment has a second name; who comes later finds no blob, and stores its own. */
const takeBlob = (home: string, blob: string) => {
  const names = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.nlink;
  if (names(blob) !== 1) return;
  const away = moveAway(home, blob);
  if (away === undefined) return;
  // Between the look and the move somebody may have given it a second name.
  if (names(away) !== 1 && !fs.existsSync(blob)) fs.linkSync(away, blob);
  fs.rmSync(away, { force: true });
};

const removed = (paths: ReadonlyArray<string>): true => {
  for (const target of paths) remove(target);
  return true;
};

const takeTree = (home: string, index: Index, tree: string, own: string | undefined): boolean => {
  const away = index.transaction(() =>
    othersLive(home, own) || isCollected(index, path.basename(tree)) === false
      ? undefined
      : moveAway(home, tree),
  );
  if (away !== undefined) remove(away);
  return away !== undefined;
};

/** False where somebody works there again. */
const takeLeftover = Effect.fnUntraced(function* (
  home: string,
  leftover: Leftover,
  own: string | undefined,
) {
  const store = yield* Store;
  const { claim } = leftover;
  if (claim !== undefined && (yield* store.claim(claim)) !== undefined) return false;
  return yield* store.query((index) => takeAway(home, index, leftover, own));
}, Effect.scoped);

/** Takes away what crashes have left behind, and says how many bytes that frees. */
export const clearGarbage = (home: string, index: Index): number => {
  const garbage = findGarbage(home, index, undefined);
  const taken = garbage.filter((leftover) => takeAway(home, index, leftover, undefined));
  for (const blob of blobsOf(home)) takeBlob(home, blob);
  return bytesOf(taken);
};

const takeAway = (
  home: string,
  index: Index,
  { kind, paths }: Leftover,
  own: string | undefined,
): boolean => {
  switch (kind) {
    case "DeadOwner":
      return paths.every((file) => !ownerLives(file));
    case "UnusedBlob":
      paths.forEach((blob) => takeBlob(home, blob));
      return true;
    case "UnrecordedTree":
      return paths.every((tree) => takeTree(home, index, tree, own));
    case "HalfStored":
      return !othersLive(home, own) && removed(paths);
    // Not bit by bit: a new run may take the name of an empty directory.
    case "OldRun":
      return removed(paths.flatMap((run) => moveAway(home, run) ?? []));
    case "RecordedWork":
    case "FailedWork":
    case "GoingTraining":
    case "FinishedTraining":
    case "AbandonedCheckpoints":
    case "Quarantined":
      return removed(paths);
  }
};
