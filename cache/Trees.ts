/**
 * The files of the store: blobs by digest, and for each artifact a directory of hard links to them.
 *
 * Every blob has the same time of change, long ago. A blob with another time was written to behind our back; that and its
 * size are looked at before anything is served, which costs a `stat`. Bits that rot without a trace are for `pipe fsck`.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Artifact, ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { remove } from "./remove.ts";
import { artifactOf, hashOpenFile, listFiles, type Listing, syncPath, treeFile } from "./Tree.ts";

/** One second after the epoch: some programs take zero for "unknown". */
const storedAtSeconds = 1;

const mostTries = 100;

export class Trees {
  private readonly home: string;

  constructor(home: string) {
    this.home = home;
  }

  directoryOf(artifact: Digest): string {
    return `${this.home}/trees/${artifact}`;
  }

  /** An executable blob is a blob of its own: the mode belongs to the shared inode. */
  blobOf({ sha256, executable }: TreeFile): string {
    const name = executable === true ? `${sha256}.x` : sha256;
    return `${this.home}/blobs/${sha256.slice(0, 2)}/${name}`;
  }

  /** Whether all files are there as they were stored, as far as a `stat` can tell. */
  isSound(artifact: Digest, files: ReadonlyArray<TreeFile>): boolean {
    const directory = this.directoryOf(artifact);
    if (files.length === 0) return fs.existsSync(directory);
    return files.every((file) => isAsStored(`${directory}/${file.path}`, file.size));
  }

  /** Sound, and nothing has been put beside the files. */
  isUntouched({ digest, files }: Artifact): boolean {
    if (!this.isSound(digest, files)) return false;
    const { files: found } = listFiles(this.directoryOf(digest));
    return found.length === files.length;
  }

  setAside(artifact: Digest) {
    const directory = this.directoryOf(artifact);
    if (fs.existsSync(directory)) this.quarantine(directory);
  }

  /** Moves files into the store: blobs first, then the directory of links. */
  async add(directory: string, listing: Listing, kind: ArtifactKind): Promise<Artifact> {
    const files: Array<TreeFile> = [];
    const copies = new Map<string, string>();
    try {
      for (const name of listing.files) {
        const source = `${directory}/${name}`;
        const stat = fs.statSync(source);
        // What a link leads to, or what has another name elsewhere, is not ours to change.
        const foreign = listing.linked.has(name) || stat.nlink > 1;
        if (foreign) copies.set(name, this.copied(source));
        files.push(await this.addBlob(copies.get(name) ?? source, name, stat.mode));
      }
      const artifact = artifactOf(kind, files);
      const tree = this.directoryOf(artifact.digest);
      if (fs.existsSync(tree)) {
        if (this.isSound(artifact.digest, files)) return artifact;
        this.quarantine(tree);
      }
      // Where the directory holds nothing but links to the blobs by now, it is the tree.
      const ours = listing.plain && copies.size === 0;
      const linkedFrom = (name: string) => copies.get(name) ?? `${directory}/${name}`;
      const ready = ours ? directory : this.linkAll(listing.files, linkedFrom);
      for (const folder of foldersOf(listing.files)) syncPath(`${ready}/${folder}`);
      this.place(ready, tree);
      return artifact;
    } finally {
      for (const copy of copies.values()) fs.rmSync(copy, { force: true });
    }
  }

  /** What is damaged is moved out of the way, and kept: somebody may want to know how it came to be. */
  quarantine(target: string): string {
    const place = path.join(this.home, "quarantine", `${path.basename(target)}-${randomUUID()}`);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.renameSync(target, place);
    return place;
  }

  /** Afterwards the blob is there, and `file` is a link to it: what has a second name is never taken by `pipe gc`. */
  private async addBlob(file: string, name: string, mode: number): Promise<TreeFile> {
    const descriptor = fs.openSync(file, "r");
    try {
      const hashing = hashOpenFile(descriptor);
      const { sha256, size } = hashing instanceof Promise ? await hashing : hashing;
      const described = treeFile(name, sha256, size, mode);
      const blob = this.blobOf(described);
      // Another process may store or take away the same blob at any moment; then the other way is open.
      for (let tries = 0; tries < mostTries; tries += 1) {
        if (this.holds(blob, size) && this.replaced(file, blob)) return described;
        // Whole, read-only and on the disk before it has its name.
        fs.fchmodSync(descriptor, described.executable === true ? 0o555 : 0o444);
        fs.futimesSync(descriptor, storedAtSeconds, storedAtSeconds);
        fs.fsyncSync(descriptor);
        if (linkedInto(file, blob)) return described;
      }
      throw new Error(`the blob ${blob} comes and goes; something else writes to the store`);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  /** A file whose bytes are right gets back what else it was stored with. */
  restore(file: string, { executable }: TreeFile) {
    fs.chmodSync(file, executable === true ? 0o555 : 0o444);
    fs.utimesSync(file, storedAtSeconds, storedAtSeconds);
  }

  private holds(blob: string, size: number): boolean {
    const stat = fs.statSync(blob, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.size === size && stat.mtimeMs === storedAtSeconds * 1000) return true;
    this.quarantine(blob);
    return false;
  }

  /** Puts a link to the blob in the place of a file; false where it has to be tried again. */
  private replaced(file: string, blob: string): boolean {
    const link = incomingPath(this.home);
    try {
      fs.linkSync(blob, link);
    } catch (error) {
      if (isMissing(error)) return false;
      if (!isFull(error)) throw error;
      // The artifacts keep the file that has so many names; the blob goes on as another of the same bytes.
      copyStored(blob, link);
      fs.renameSync(link, blob);
      syncPath(path.dirname(blob));
      return false;
    }
    fs.renameSync(link, file);
    return true;
  }

  private copied(source: string): string {
    const incoming = incomingPath(this.home);
    fs.copyFileSync(source, incoming);
    return incoming;
  }

  private linkAll(names: ReadonlyArray<string>, linkedFrom: (name: string) => string): string {
    const incoming = incomingPath(this.home);
    for (const folder of foldersOf(names))
      fs.mkdirSync(`${incoming}/${folder}`, { recursive: true });
    for (const name of names) linkOrCopy(linkedFrom(name), `${incoming}/${name}`);
    return incoming;
  }

  private place(ready: string, tree: string) {
    try {
      fs.renameSync(ready, tree);
      syncPath(path.dirname(tree));
    } catch (error) {
      // Another process has just stored the same tree: theirs is as good.
      if (!fs.existsSync(tree)) throw error;
      remove(ready);
    }
  }
}

/** A new name in `incoming/`, on the file system of the rest; its directory is made anew where somebody has removed it. */
export const incomingPath = (home: string): string => {
  const incoming = `${home}/incoming`;
  if (!fs.existsSync(incoming)) fs.mkdirSync(incoming, { recursive: true });
  return `${incoming}/${randomUUID()}`;
};

/** As far as a `stat` can tell. */
export const isAsStored = (file: string, size: number): boolean => {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.size === size && stat.mtimeMs === storedAtSeconds * 1000;
};

/** The directories that files need, the one that holds all of them included. */
const foldersOf = (files: ReadonlyArray<string>): ReadonlySet<string> => {
  const folders = new Set([""]);
  for (const file of files) {
    let folder = path.posix.dirname(file);
    for (; folder !== "." && !folders.has(folder); folder = path.posix.dirname(folder))
      folders.add(folder);
  }
  return folders;
};

export const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

/** A file system allows so many names a file: ext4 65,000, XFS billions, tmpfs any number. */
const isFull = (error: unknown) => (error as NodeJS.ErrnoException).code === "EMLINK";

const linkOrCopy = (stored: string, target: string) => {
  try {
    fs.linkSync(stored, target);
  } catch (error) {
    if (!isFull(error)) throw error;
    copyStored(stored, target);
  }
};

/** With everything a blob has, and on the disk. */
const copyStored = (stored: string, target: string) => {
  fs.copyFileSync(stored, target);
  fs.utimesSync(target, storedAtSeconds, storedAtSeconds);
  syncPath(target);
};

/** False where somebody else has just stored the same blob. The blob's directory is made when the first blob comes. */
export const linkedInto = (ready: string, blob: string): boolean => {
  const directory = path.dirname(blob);
  try {
    fs.linkSync(ready, blob);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    if (!isMissing(error) || fs.existsSync(directory)) throw error;
    fs.mkdirSync(directory, { recursive: true });
    return linkedInto(ready, blob);
  }
  syncPath(directory);
  return true;
};
