/**
 * Deletes what `pipe gc` chose, while other processes work in the same store.
 *
 * An artifact is marked as collected, then its tree is deleted, then its blobs without other links. A kill in between leaves
 * unneeded files and no wrong record. Its action stays, so results made from it are still found.
 *
 * A run writes its plan before it uses the artifacts that it found, and then checks that they were not deleted
 * (`takenAway`). Marking checks the runs again under the same lock.
 */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import { type GoingArtifact, reaches } from "./chooseGoing.ts";
import { readClaim } from "./Claims.ts";
import { diskUse } from "./diskUse.ts";
import { bytesOf, type GcOptions, type GcPlan, planGc, type Runs } from "./Gc.ts";
import type { Ledger } from "./Ledger.ts";
import { blobsOf, findGarbage, type Leftover, leftoverWords, othersLive } from "./Leftovers.ts";
import { ownerLives } from "./OwnerLock.ts";
import { forEach, isForbidden, remove } from "./remove.ts";
import { Store } from "./Store.ts";
import { StoreTrouble } from "./StoreTrouble.ts";
import { allTags } from "./Tags.ts";
import { incomingPath, isMissing } from "./Trees.ts";

export interface SweepResult {
  /** The number of items that are needed or in use since the plan was made. */
  readonly spared: number;
  readonly failures: ReadonlyArray<GcFailure>;
  /** The size of the whole store afterwards, in bytes. */
  readonly total: number;
}

export interface GcFailure {
  readonly what: string;
  readonly message: string;
}

const claimKey = "pipe gc";

/** Plans and deletes; one gc at a time. An item that can't be deleted is reported, and the rest is deleted. */
export const sweep = Effect.fnUntraced(function* (runs: Runs, options: GcOptions) {
  const store = yield* Store;
  const { home } = store;
  const holder = yield* store.claim(claimKey);
  if (holder !== undefined)
    return yield* new StoreTrouble({
      message: `another pipe gc works in this store: ${holder}`,
      fix: "wait until it ends, then run the same command again",
    });
  const own = readClaim(home, claimKey)?.owner;
  const gcPlan = yield* store.query((index) => planGc(home, index, runs, options, own));
  const failures: Array<GcFailure> = [];
  let spared = 0;
  // Leftovers first: deleting them needs no room on a full disk.
  for (const leftover of gcPlan.leftovers) {
    const isTaken = yield* takeLeftover(leftover, own).pipe(
      Effect.catchTag("StoreTrouble", ({ message }) => {
        failures.push({ what: leftoverWords[leftover.kind], message });
        return Effect.succeed(true);
      }),
    );
    if (!isTaken) spared += 1;
  }
  const marked = yield* store.change((ledger) => mark(ledger, runs, gcPlan, failures));
  spared += gcPlan.artifacts.length - marked.length;
  for (const each of marked)
    yield* store.change((ledger) =>
      collectFailure(failures, `artifact ${each.digest}`, () => takeArtifact(ledger, each)),
    );
  for (const blob of blobsOf(home)) collectFailure(failures, blob, () => takeBlob(home, blob));
  const swept: SweepResult = { spared, failures, total: diskUse(home) };
  return [gcPlan, swept] as const;
}, Effect.scoped);

const collectFailure = (failures: Array<GcFailure>, what: string, body: () => void) => {
  try {
    body();
  } catch (error) {
    failures.push({ what, message: (error as Error).message });
  }
};

interface MarkedArtifact {
  readonly digest: Digest;
  readonly artifact: GoingArtifact;
  /** Differs if the tree is stored again meanwhile. */
  readonly inode: number;
}

/** Marks the artifacts that no run needs, new runs included. */
const mark = (
  ledger: Ledger,
  runs: Runs,
  { artifacts, known }: GcPlan,
  failures: Array<GcFailure>,
): ReadonlyArray<MarkedArtifact> =>
  ledger.hold(() => {
    ledger.sync();
    // All runs are read again: a new one may have the name of one that was deleted since the plan.
    const all = runs.names().map(runs.read);
    const newest = all.at(-1);
    const firm = all.filter((run) => run.lives || run === newest || !known.has(run.run));
    const tagged = new Set(allTags(ledger.home).map((tag) => tag.artifact));
    return artifacts.flatMap((artifact) => {
      const { digest } = artifact.holding;
      const recipes = ledger.ask((index) => index.actionsOf(digest)).map(({ recipe }) => recipe);
      const roots = artifact.because === "room" ? firm : all;
      const isNeeded = roots.some((run) => reaches(run, { ...artifact.holding, recipes }));
      const inode = inodeOf(ledger.trees.directoryOf(digest));
      if (isNeeded || tagged.has(digest) || inode === undefined) return [];
      collectFailure(failures, `artifact ${digest}`, () =>
        ledger.absences.mark(digest, "collected"),
      );
      return [{ digest, artifact, inode }];
    });
  });

/** Moves the tree away under the lock, so that no process takes it for present, then deletes it. */
const takeArtifact = (ledger: Ledger, { digest, artifact, inode }: MarkedArtifact) => {
  const { home } = ledger;
  const tree = ledger.trees.directoryOf(digest);
  const away = ledger.hold(() =>
    ledger.absences.has(digest, "collected") && inodeOf(tree) === inode
      ? moveAway(home, tree)
      : undefined,
  );
  if (away === undefined) return;
  remove(away);
  for (const blob of artifact.holding.blobs.keys()) takeBlob(home, blob);
};

const inodeOf = (target: string) => fs.statSync(target, { throwIfNoEntry: false })?.ino;

/** Undefined if it is gone: `pipe fsck --repair` may delete the same leftovers. */
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

/** A blob that is being stored has a second link; a later process finds no blob and stores its own. */
const takeBlob = (home: string, blob: string) => {
  const names = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.nlink;
  if (names(blob) !== 1) return;
  const away = moveAway(home, blob);
  if (away === undefined) return;
  // Another process may have linked it between the check and the move.
  if (names(away) !== 1 && !fs.existsSync(blob)) fs.linkSync(away, blob);
  fs.rmSync(away, { force: true });
};

/** False if a process works there again. */
const takeLeftover = Effect.fnUntraced(function* (leftover: Leftover, own: string | undefined) {
  const store = yield* Store;
  const { claim } = leftover;
  if (claim !== undefined && (yield* store.claim(claim)) !== undefined) return false;
  return yield* store.change((ledger) => takeAway(ledger, leftover, own));
}, Effect.scoped);

/** Deletes the leftovers of crashes and returns their bytes. */
export const clearGarbage = (ledger: Ledger): number => {
  const { home } = ledger;
  const garbage = ledger.ask((index) => findGarbage(home, index, undefined));
  const taken = garbage.filter((leftover) => takenIfAllowed(ledger, leftover));
  for (const blob of blobsOf(home)) takeBlob(home, blob);
  return bytesOf(taken);
};

const takenIfAllowed = (ledger: Ledger, leftover: Leftover): boolean => {
  try {
    return takeAway(ledger, leftover, undefined);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return false;
  }
};

const takeAway = (ledger: Ledger, { kind, paths }: Leftover, own: string | undefined): boolean => {
  const { home } = ledger;
  switch (kind) {
    case "DeadOwner":
      return paths.every((file) => !ownerLives(file));
    case "UnusedBlob":
      paths.forEach((blob) => takeBlob(home, blob));
      return true;
    case "UnrecordedTree":
      return paths.every((tree) => takeTree(ledger, tree, own));
    case "HalfStored":
      return !othersLive(home, own) && removed(paths);
    // Moved away as a whole, since a new run may take the name of an empty directory.
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

const removed = (paths: ReadonlyArray<string>): true => {
  forEach(paths, remove);
  return true;
};

const takeTree = (ledger: Ledger, tree: string, own: string | undefined): boolean => {
  const digest = path.basename(tree);
  const away = ledger.hold(() => {
    if (othersLive(ledger.home, own) || isRecorded(ledger, digest)) return undefined;
    return moveAway(ledger.home, tree);
  });
  if (away !== undefined) remove(away);
  return away !== undefined;
};

const isRecorded = (ledger: Ledger, artifact: Digest): boolean => {
  ledger.sync();
  const row = ledger.ask((index) => index.artifact(artifact));
  return row !== undefined && !ledger.absences.all().has(artifact);
};
