/** The difference between the files to push and those of the repository. */
import type { HubFile } from "../remote/HubClient.ts";
import { type HubUpload, isSame } from "../remote/HubUpload.ts";
import type { Publication } from "./Publication.ts";

export interface Change {
  readonly what: "added" | "changed" | "deleted";
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

export interface Difference {
  readonly uploads: ReadonlyArray<HubUpload>;
  /** Paths. */
  readonly deletions: ReadonlyArray<string>;
  /** All of them, for people. */
  readonly changes: ReadonlyArray<Change>;
}

/** Files that others added stay, unless they would be read along with these. */
export const compare = (
  files: ReadonlyArray<HubUpload>,
  there: ReadonlyArray<HubFile>,
  { replaces }: Pick<Publication, "replaces">,
): Difference => {
  const before = new Map(there.map((file) => [file.path, file]));
  const names = new Set(files.map(({ path }) => path));
  const uploads = files.filter((file) => !isSame(file, before.get(file.path)));
  const deleted = there.filter(({ path }) => !names.has(path) && replaces(path));
  return {
    uploads,
    deletions: deleted.map(({ path }) => path),
    changes: [
      ...uploads.map(({ path, size }) => ({
        what: before.has(path) ? ("changed" as const) : ("added" as const),
        path,
        size,
      })),
      ...deleted.map(({ path, size }) => ({ what: "deleted" as const, path, size })),
    ],
  };
};
