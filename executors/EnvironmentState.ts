/** Compares the packages of a Python environment with its locks. */
import type { Installed } from "./givenPython.ts";
import { packageName, type Requirements } from "./LockFile.ts";

export interface EnvironmentState extends Partial<Differences> {
  /** Number of packages in the locks. */
  readonly packages: number;
  /** Undefined: not built yet. */
  readonly python?: string;
  /** A person named it. */
  readonly isGiven?: boolean;
}

export interface Differences {
  /** Locked packages that it lacks, as `name==version`. */
  readonly missing: ReadonlyArray<string>;
  /** Packages with another version than the locked one, such as `peft 0.19.0 (locked: 0.18.1)`. */
  readonly different: ReadonlyArray<string>;
}

/** A requirement with a marker may not apply, so its package is not missing. A build's label, such as `+cpu`, is no difference. */
export const differences = (
  requirements: Requirements,
  versions: Installed["versions"],
): Differences => {
  const found = requirements.map((requirement) => {
    const [pinned = "", marker] = requirement.split("; ");
    const [, locked = ""] = pinned.split("==");
    const name = packageName(requirement);
    return { pinned, marker, locked, name, version: versions[name] ?? undefined };
  });
  return {
    missing: found.flatMap(({ pinned, marker, version }) =>
      version === undefined && marker === undefined ? [pinned] : [],
    ),
    different: found.flatMap(({ name, locked, version }) =>
      version === undefined || withoutLabel(version) === withoutLabel(locked)
        ? []
        : [`${name} ${version} (locked: ${locked})`],
    ),
  };
};

const withoutLabel = (version: string): string => version.split("+")[0] ?? version;
