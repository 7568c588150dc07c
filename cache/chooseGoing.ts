/**
 * Which artifacts go. Pure: from what the store holds and what reaches it, to what to take away.
 *
 * What nothing reaches goes. If that is not enough for `maxBytes`, more goes, those first that take the least time to make
 * again for the bytes that they hold, the oldest first among equals; but nothing that is tagged, that a living run reaches,
 * or that the newest run reaches.
 */
import type { Digest } from "../schemas/Digest.ts";
import type { Holding } from "./Holdings.ts";

/** What a run keeps: the answers to its recipes, and what it has had by name. */
export interface RunRoot {
  readonly run: string;
  /** Milliseconds since the epoch. */
  readonly begunAt: number;
  readonly lives: boolean;
  readonly recipes: ReadonlySet<Digest>;
  readonly artifacts: ReadonlySet<Digest>;
}

export interface GoingArtifact {
  readonly holding: Holding;
  readonly because: "unreached" | "room";
  /** What is freed with it and those before it, in bytes: a blob that a staying artifact shares is not. */
  readonly freed: number;
  /** Results made from it that stay: they are found all the same. */
  readonly staying: number;
}

export interface Roots {
  /** Those that count, the newest last. */
  readonly runs: ReadonlyArray<RunRoot>;
  readonly tagged: ReadonlySet<Digest>;
}

interface Choice {
  readonly artifacts: ReadonlyMap<Digest, Holding>;
  readonly roots: Roots;
  /** How many bytes artifacts may hold; without it only what is unreached goes. */
  readonly maxBytes?: number;
}

export const reaches = ({ recipes, artifacts }: RunRoot, holding: Holding): boolean =>
  artifacts.has(holding.digest) || holding.recipes.some((recipe) => recipes.has(recipe));

export const chooseGoing = ({
  artifacts,
  roots: { runs, tagged },
  maxBytes = Infinity,
}: Choice): ReadonlyArray<GoingArtifact> => {
  const all = [...artifacts.values()];
  const names = new Map<string, number>();
  for (const { blobs } of all)
    for (const blob of blobs.keys()) names.set(blob, (names.get(blob) ?? 0) + 1);
  let held = bytesHeld(all);

  const going = new Map<Digest, { freed: number; readonly because: GoingArtifact["because"] }>();
  const take = (holding: Holding, because: GoingArtifact["because"]) => {
    let freed = 0;
    for (const [blob, size] of holding.blobs) {
      const left = (names.get(blob) ?? 0) - 1;
      names.set(blob, left);
      if (left === 0) freed += size;
    }
    held -= freed;
    going.set(holding.digest, { freed, because });
  };

  const isKept = (holding: Holding) =>
    tagged.has(holding.digest) || runs.some((run) => reaches(run, holding));
  for (const holding of all) if (!isKept(holding)) take(holding, "unreached");

  const newest = runs.at(-1);
  const firm = runs.filter((run) => run.lives || run === newest);
  const mayGo = (holding: Holding) =>
    !going.has(holding.digest) &&
    !tagged.has(holding.digest) &&
    !firm.some((run) => reaches(run, holding));
  const candidates = held > maxBytes ? all.filter(mayGo).toSorted(cheapestFirst) : [];
  for (const holding of candidates) if (held > maxBytes) take(holding, "room");

  // What was taken for room and frees nothing, since others share all of it and stay, stays too.
  const frees = ({ blobs }: Holding) =>
    [...blobs].some(([blob, size]) => size > 0 && names.get(blob) === 0);
  for (const holding of all)
    if (going.get(holding.digest)?.because === "room" && !frees(holding))
      going.delete(holding.digest);

  const staying = new Map<Digest, number>();
  for (const { digest, inputs } of all)
    if (!going.has(digest))
      for (const input of inputs) staying.set(input, (staying.get(input) ?? 0) + 1);
  return [...going].flatMap(([digest, { freed, because }]) => {
    const holding = artifacts.get(digest);
    if (holding === undefined) return [];
    return [{ holding, because, freed, staying: staying.get(digest) ?? 0 }];
  });
};

/** Bytes of these artifacts together, shared blobs counted once. */
export const bytesHeld = (artifacts: Iterable<Holding>): number => {
  const seen = new Set<string>();
  let bytes = 0;
  for (const { blobs } of artifacts)
    for (const [blob, size] of blobs) {
      if (!seen.has(blob)) bytes += size;
      seen.add(blob);
    }
  return bytes;
};

const secondsPerByte = ({ madeBy, blobs }: Holding): number => {
  let bytes = 0;
  for (const size of blobs.values()) bytes += size;
  return (madeBy?.cost.wallSeconds ?? 0) / Math.max(1, bytes);
};

const cheapestFirst = (one: Holding, other: Holding): number => {
  const byPrice = secondsPerByte(one) - secondsPerByte(other);
  if (byPrice !== 0) return byPrice;
  const [first = "", second = ""] = [one.madeBy?.finishedAt, other.madeBy?.finishedAt];
  return first < second ? -1 : first > second ? 1 : 0;
};
