/** What lies about in the store and no result needs: traces of attempts that failed, of processes that were killed. */
import fs from "node:fs";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import { diskUse, freedWith, namesIn } from "./diskUse.ts";
import type { Holdings } from "./Holdings.ts";
import type { Index } from "./Index.ts";
import { seemsAlive } from "./OwnerLock.ts";

/** What each kind of leftover is, as people are told. */
export const leftoverWords = {
  RecordedWork: "work of a result that is recorded",
  FailedWork: "work of an attempt that failed or was killed",
  GoingTraining: "checkpoints of a training whose results go",
  FinishedTraining: "checkpoints of a finished training",
  AbandonedCheckpoints: "checkpoints that nobody came back to",
  HalfStored: "half-stored files",
  Quarantined: "files set aside as damaged",
  DeadOwner: "sign of life of a process that is gone",
  UnrecordedTree: "tree that nothing records",
  UnusedBlob: "blob that no artifact has",
  OldRun: "run older than asked for",
} as const;

export type LeftoverKind = keyof typeof leftoverWords;

export interface Leftover {
  readonly kind: LeftoverKind;
  /** What is removed, as absolute paths. */
  readonly paths: ReadonlyArray<string>;
  readonly bytes: number;
  /** Held while it is removed, so that nobody begins to work there. */
  readonly claim?: Digest;
}

export interface Gone {
  readonly holdings: Holdings;
  /** Artifacts that go. */
  readonly going: ReadonlySet<Digest>;
  /** Milliseconds since the epoch: what was left alone since then goes, whatever it may be good for. */
  readonly before: number;
  /** Whether the checkpoints of finished trainings go, too. */
  readonly room: boolean;
  /** The sign of life of the process that asks, where it has one. */
  readonly own: string | undefined;
}

/** Everything that is left over, claims of the living respected. Nothing is changed. */
export const findLeftovers = (home: string, index: Index, gone: Gone): ReadonlyArray<Leftover> => [
  ...leftWork(home, index, gone),
  ...leftCheckpoints(home, index, gone),
  ...findGarbage(home, index, gone.own),
  ...all(home, "quarantine", "Quarantined"),
];

/** What crashes leave behind, and nobody could want. */
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

const isHeld = (home: string, index: Index, key: Digest): boolean => {
  const owner = index.ownerOf(key);
  return owner !== undefined && seemsAlive(path.join(home, "owners", owner));
};

const lastChange = (directory: string): number =>
  Math.max(0, ...["", ...namesIn(directory)].map((name) => mtimeOf(path.join(directory, name))));

const mtimeOf = (target: string): number =>
  fs.lstatSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Of work that has no result yet the checkpoints stay: the next attempt goes on from them. */
const leftWork = (
  home: string,
  index: Index,
  { holdings, before }: Gone,
): ReadonlyArray<Leftover> =>
  namesIn(`${home}/work`).flatMap((content) => {
    const directory = `${home}/work/${content}`;
    if (isHeld(home, index, content)) return [];
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

/** Those of an unfinished training stay, as do those of one whose results stay: more steps go on from them. */
const leftCheckpoints = (
  home: string,
  index: Index,
  { holdings, going, before, room }: Gone,
): ReadonlyArray<Leftover> =>
  namesIn(`${home}/checkpoints`).flatMap((training) => {
    const directory = `${home}/checkpoints/${training}`;
    if (isHeld(home, index, training)) return [];
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

/** Whoever stores something lives, and has said so before; so beside the living nothing here is known to be left over. */
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

/** A tree stands before its artifact is recorded: beside the living it may be about to be. */
const leftTrees = (home: string, index: Index): ReadonlyArray<Leftover> => {
  const recorded = new Set(
    index.rows("SELECT digest FROM artifacts WHERE collected = 0").map(({ digest }) => digest),
  );
  return namesIn(`${home}/trees`)
    .filter((name) => !recorded.has(name))
    .map((name) => `${home}/trees/${name}`)
    .map((tree) => leftover("UnrecordedTree", [tree], freedWith(tree, 2)));
};

/** A blob that an artifact has, or that is being stored, has a second name. */
const leftBlobs = (home: string): ReadonlyArray<Leftover> =>
  blobsOf(home).flatMap((blob) => {
    const stat = fs.statSync(blob, { throwIfNoEntry: false });
    return stat?.nlink === 1 ? [leftover("UnusedBlob", [blob], stat.size)] : [];
  });

export const blobsOf = (home: string): ReadonlyArray<string> =>
  namesIn(`${home}/blobs`).flatMap((folder) =>
    namesIn(`${home}/blobs/${folder}`).map((name) => `${home}/blobs/${folder}/${name}`),
  );
