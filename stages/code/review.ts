/** Compares a stage's code with the lock file, and makes the record that settles a difference. */
import { type Digest, digestJson, shortDigest } from "../../schemas/Digest.ts";
import type { LockedStage } from "./Lock.ts";

/** The files of a stage's code, and its packages with their versions. */
export interface Closure {
  readonly digest: Digest;
  readonly files: Readonly<Record<string, Digest>>;
  readonly packages: Readonly<Record<string, string>>;
}

export const closureDigest = (files: Closure["files"], packages: Closure["packages"]): Digest =>
  digestJson({ files, packages });

/**
 * `changed`: same version, different code. `raised`: the version is above the recorded one. `lowered`: it is below, so old
 * results of different code could be served. `new`: not in the lock file.
 */
export type CodeState = "recorded" | "changed" | "raised" | "lowered" | "new";

export interface CodeChange {
  readonly name: string;
  readonly change: "changed" | "added" | "removed";
}

export interface CodeReview {
  readonly state: CodeState;
  /** Files, and packages as `name@version`, that differ from the record. */
  readonly changes: ReadonlyArray<CodeChange>;
}

export const review = (
  version: number,
  closure: Closure,
  locked: LockedStage | undefined,
): CodeReview =>
  locked === undefined
    ? { state: "new", changes: [] }
    : {
        state: stateOf(version, closure, locked),
        changes: changesOf(locked, recordOf(closure)),
      };

const stateOf = (version: number, closure: Closure, locked: LockedStage): CodeState => {
  if (version !== locked.version) return version > locked.version ? "raised" : "lowered";
  return closure.digest === locked.digest ? "recorded" : "changed";
};

type Recorded = Pick<LockedStage, "digest" | "files" | "packages">;

const changesOf = (before: Recorded, now: Recorded): ReadonlyArray<CodeChange> => {
  const packages = (record: Recorded): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(record.packages).map(([name, v]) => [`${name}@${v}`, v]));
  return [...differences(before.files, now.files), ...differences(packages(before), packages(now))];
};

const differences = (
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): ReadonlyArray<CodeChange> =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .toSorted()
    .filter((name) => before[name] !== now[name])
    .map((name) => ({ name, change: howChanged(before[name], now[name]) }));

const howChanged = (before: string | undefined, now: string | undefined): CodeChange["change"] => {
  if (before === undefined) return "added";
  return now === undefined ? "removed" : "changed";
};

const recordOf = ({ digest, files, packages }: Closure): Recorded => ({
  digest,
  files: Object.fromEntries(Object.entries(files).map(([file, each]) => [file, shortDigest(each)])),
  packages,
});

/** The record of this code for its version. Affirmations of earlier versions are dropped. */
export const affirmed = (
  version: number,
  closure: Closure,
  locked: LockedStage | undefined,
  { date, reason }: { readonly date: string; readonly reason: string },
): LockedStage => {
  const { digest, files, packages } = recordOf(closure);
  const earlier = locked?.version === version ? locked.affirmations : [];
  return { version, digest, affirmations: [...earlier, { date, reason, digest }], files, packages };
};
