/**
 * Chooses the artifacts to delete. Pure.
 *
 * Artifacts that no run or tag reaches are deleted. If the others exceed `maxBytes`, more are: first those that take the
 * fewest seconds per byte to compute again, and of equal ones the oldest. Tagged artifacts, and those of living runs and of
 * the newest run, are never deleted.
 */
import type { Digest } from "../schemas/Digest.ts";
import type { Holding } from "./Holdings.ts";

/** The artifacts that a run keeps: answers to its recipes, and artifacts that it found or links to. */
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
  /** Bytes that deleting it frees, after those before it are deleted. */
  readonly freed: number;
  /** The number of artifacts that were made from it and stay usable. */
  readonly staying: number;
}

export interface Roots {
  /** Oldest first. */
  readonly runs: ReadonlyArray<RunRoot>;
  readonly tagged: ReadonlySet<Digest>;
}

interface Choice {
  readonly artifacts: ReadonlyMap<Digest, Holding>;
  readonly roots: Roots;
  /** The most bytes that artifacts may hold; without it only unreached artifacts are deleted. */
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

  // An artifact whose blobs are all shared with staying ones frees nothing, so it stays, too.
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

/** The bytes of these artifacts; shared blobs count once. */
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
