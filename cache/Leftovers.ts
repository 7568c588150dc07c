/** Leftovers: files in the store that no result needs, of failed attempts and killed processes. */
import fs from "node:fs";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import { ownerFile, readClaim } from "./Claims.ts";
import { diskUse, freedWith, namesIn } from "./diskUse.ts";
import type { Holdings } from "./Holdings.ts";
import type { Index } from "./Index.ts";
import { seemsAlive } from "./OwnerLock.ts";
import { treeDirectory } from "./Trees.ts";

export const leftoverWords = {
  RecordedWork: "work directory of a stored result",
  FailedWork: "work directory of a failed or killed attempt",
  GoingTraining: "checkpoints of a training whose results are deleted",
  FinishedTraining: "checkpoints of a finished training",
  AbandonedCheckpoints: "checkpoints of an abandoned training",
  HalfStored: "partly stored files",
  Quarantined: "damaged files in quarantine/",
  DeadOwner: "lock file of a dead process",
  UnrecordedTree: "tree without an action",
  UnusedBlob: "blob without an artifact",
  OldRun: "run older than --older-than",
} as const;

export type LeftoverKind = keyof typeof leftoverWords;

export interface Leftover {
  readonly kind: LeftoverKind;
  /** Absolute paths to remove. */
  readonly paths: ReadonlyArray<string>;
  readonly bytes: number;
  /** The key to claim while it is removed, so that no process begins to work there. */
  readonly claim?: Digest;
}

export interface LeftoverQuery {
  readonly holdings: Holdings;
  /** Artifacts that will be deleted. */
  readonly going: ReadonlySet<Digest>;
  /** Milliseconds since the epoch; checkpoints that did not change since then are abandoned. */
  readonly before: number;
  /** Include checkpoints of finished trainings. */
  readonly room: boolean;
  /** The owner name of this process, if it has one. */
  readonly own: string | undefined;
}

/** Every leftover without a claim of a living process. */
export const findLeftovers = (
  home: string,
  index: Index,
  query: LeftoverQuery,
): ReadonlyArray<Leftover> => [
  ...leftWork(home, query),
  ...leftCheckpoints(home, query),
  ...findGarbage(home, index, query.own),
  ...all(home, "quarantine", "Quarantined"),
];

/** Leftovers of crashes, which are never needed again. */
export const findGarbage = (
  home: string,
  index: Index,
  own: string | undefined,
): ReadonlyArray<Leftover> => [
  ...(othersLive(home, own) ? [] : [...leftIncoming(home), ...leftTrees(home, index)]),
  ...deadOwners(home),
  ...leftBlobs(home),
];

const all = (home: string, folder: string, kind: LeftoverKind): ReadonlyArray<Leftover> =>
  namesIn(`${home}/${folder}`).map((name) => leftover(kind, [`${home}/${folder}/${name}`]));

const leftover = (
  kind: LeftoverKind,
  paths: ReadonlyArray<string>,
  bytes = paths.reduce((sum, each) => sum + diskUse(each), 0),
  claim?: Digest,
): Leftover => ({ kind, paths, bytes, ...(claim === undefined ? {} : { claim }) });

const isHeld = (home: string, key: Digest): boolean => {
  const claim = readClaim(home, key);
  return claim !== undefined && seemsAlive(ownerFile(home, claim.owner));
};

/** A job on a cluster works there, or has left its result there; see `executors/Submission.ts`. */
const isSubmitted = (work: string): boolean =>
  namesIn(work).some((attempt) => fs.existsSync(`${work}/${attempt}/submission.json`));

const lastChange = (directory: string): number =>
  Math.max(0, ...["", ...namesIn(directory)].map((name) => mtimeOf(path.join(directory, name))));

const mtimeOf = (target: string): number =>
  fs.lstatSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** The checkpoints of work without a result stay, since the next attempt continues from them. */
const leftWork = (home: string, { holdings, before }: LeftoverQuery): ReadonlyArray<Leftover> =>
  namesIn(`${home}/work`).flatMap((content) => {
    const directory = `${home}/work/${content}`;
    if (isHeld(home, content) || isSubmitted(directory)) return [];
    if (holdings.answered.has(content))
      return [leftover("RecordedWork", [directory], undefined, content)];
    const failed = "FailedWork";
    if (!fs.existsSync(`${directory}/checkpoints`))
      return [leftover(failed, [directory], undefined, content)];
    if (Math.max(lastChange(directory), lastChange(`${directory}/checkpoints`)) < before)
      return [leftover("AbandonedCheckpoints", [directory], undefined, content)];
    const attempts = namesIn(directory).filter((name) => name !== "checkpoints");
    const paths = attempts.map((name) => `${directory}/${name}`);
    return paths.length === 0 ? [] : [leftover(failed, paths, undefined, content)];
  });

/** Checkpoints stay while their training is unfinished or its results stay: more steps continue from them. */
const leftCheckpoints = (
  home: string,
  { holdings, going, before, room }: LeftoverQuery,
): ReadonlyArray<Leftover> =>
  namesIn(`${home}/checkpoints`).flatMap((training) => {
    const directory = `${home}/checkpoints/${training}`;
    if (isHeld(home, training)) return [];
    const results = holdings.trained.get(training);
    const stays = [...(results ?? [])].some(
      (artifact) => holdings.artifacts.has(artifact) && !going.has(artifact),
    );
    const kind =
      results === undefined
        ? lastChange(directory) < before
          ? "AbandonedCheckpoints"
          : undefined
        : !stays
          ? "GoingTraining"
          : room
            ? "FinishedTraining"
            : undefined;
    return kind === undefined ? [] : [leftover(kind, [directory], undefined, training)];
  });

/** Other processes work in the store: files without a record may be about to get one. */
export const othersLive = (home: string, own: string | undefined): boolean =>
  namesIn(`${home}/owners`).some((owner) => owner !== own && seemsAlive(`${home}/owners/${owner}`));

const leftIncoming = (home: string): ReadonlyArray<Leftover> =>
  namesIn(`${home}/incoming`).map((name) => {
    const target = `${home}/incoming/${name}`;
    return leftover("HalfStored", [target], freedWith(target, 1));
  });

const deadOwners = (home: string): ReadonlyArray<Leftover> =>
  namesIn(`${home}/owners`)
    .map((owner) => `${home}/owners/${owner}`)
    .filter((file) => !seemsAlive(file))
    .map((file) => leftover("DeadOwner", [file], 0));

const leftTrees = (home: string, index: Index): ReadonlyArray<Leftover> => {
  const absences = index.absences.all();
  const recorded = new Set(index.rows("SELECT digest FROM artifacts").map(({ digest }) => digest));
  return namesIn(`${home}/trees`)
    .filter((name) => absences.has(name) || !recorded.has(name))
    .map((name) => treeDirectory(home, name))
    .map((tree) => leftover("UnrecordedTree", [tree], freedWith(tree, 2)));
};

/** A blob of an artifact, or of one that is being stored, has a second hard link. */
const leftBlobs = (home: string): ReadonlyArray<Leftover> =>
  blobsOf(home).flatMap((blob) => {
    const stat = fs.statSync(blob, { throwIfNoEntry: false });
    return stat?.nlink === 1 ? [leftover("UnusedBlob", [blob], stat.size)] : [];
  });

export const blobsOf = (home: string): ReadonlyArray<string> =>
  namesIn(`${home}/blobs`).flatMap((folder) =>
    namesIn(`${home}/blobs/${folder}`).map((name) => `${home}/blobs/${folder}/${name}`),
  );
