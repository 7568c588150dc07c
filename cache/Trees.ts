/**
 * The files of the store: blobs by digest, and for each artifact a directory of hard links to them.
 *
 * Every blob has the same mtime, so a blob with another one was changed by another program. Each look-up checks mtime and
 * size by `stat`; `pipe fsck` checks the bytes.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Artifact, TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { listFiles } from "./Tree.ts";

/** One second after the epoch, since some programs take zero for "unknown". */
export const storedAtSeconds = 1;

/** The directory of an artifact in a store. */
export const treeDirectory = (home: string, artifact: Digest): string =>
  `${home}/trees/${artifact}`;

export class Trees {
  readonly home: string;

  constructor(home: string) {
    this.home = home;
  }

  directoryOf(artifact: Digest): string {
    return treeDirectory(this.home, artifact);
  }

  /** An executable file has its own blob, since all links of an inode share its mode. */
  blobOf({ sha256, executable }: TreeFile): string {
    const name = executable === true ? `${sha256}.x` : sha256;
    return `${this.home}/blobs/${sha256.slice(0, 2)}/${name}`;
  }

  /** Whether all files are present and unchanged, as far as `stat` shows. */
  isSound(artifact: Digest, files: ReadonlyArray<TreeFile>): boolean {
    const directory = this.directoryOf(artifact);
    if (files.length === 0) return fs.existsSync(directory);
    return files.every((file) => isAsStored(`${directory}/${file.path}`, file.size));
  }

  /** Whether it is sound and has no further files. */
  isUntouched({ digest, files }: Artifact): boolean {
    if (!this.isSound(digest, files)) return false;
    const { files: found } = listFiles(this.directoryOf(digest));
    return found.length === files.length;
  }

  setAside(artifact: Digest) {
    const directory = this.directoryOf(artifact);
    if (fs.existsSync(directory)) this.quarantine(directory);
  }

  /** Moves a damaged file or directory to `quarantine/`, where it stays until `pipe gc`. */
  quarantine(target: string): string {
    const place = path.join(this.home, "quarantine", `${path.basename(target)}-${randomUUID()}`);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.renameSync(target, place);
    return place;
  }

  /** Sets the mode and mtime of a stored file. */
  restore(file: string, { executable }: TreeFile) {
    fs.chmodSync(file, executable === true ? 0o555 : 0o444);
    fs.utimesSync(file, storedAtSeconds, storedAtSeconds);
  }
}

/** A new path in `incoming/`, which is created if it is missing. */
export const incomingPath = (home: string): string => {
  const incoming = `${home}/incoming`;
  if (!fs.existsSync(incoming)) fs.mkdirSync(incoming, { recursive: true });
  return `${incoming}/${randomUUID()}`;
};

/** Whether a file has the size and mtime of a stored one. */
export const isAsStored = (file: string, size: number): boolean => {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.size === size && stat.mtimeMs === storedAtSeconds * 1000;
};

export const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";
