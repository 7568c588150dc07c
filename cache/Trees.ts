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
import { artifactOf, hashOpenFile, type ListedFile, syncPath, treeFile } from "./Tree.ts";

/** One second after the epoch: some programs take zero for "unknown". */
const storedAtSeconds = 1;

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

  /** Moves files into the store: blobs first, then the directory of links. */
  async add(
    directory: string,
    listed: ReadonlyArray<ListedFile>,
    kind: ArtifactKind,
  ): Promise<Artifact> {
    const files: Array<TreeFile> = [];
    for (const file of listed) files.push(await this.addBlob(directory, file));
    const artifact = artifactOf(kind, files);
    this.link(artifact);
    return artifact;
  }

  /** What is damaged is moved out of the way, and kept: somebody may want to know how it came to be. */
  quarantine(target: string): string {
    const place = path.join(this.home, "quarantine", `${path.basename(target)}-${randomUUID()}`);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.renameSync(target, place);
    return place;
  }

  private async addBlob(directory: string, listed: ListedFile): Promise<TreeFile> {
    const source = path.join(directory, listed.path);
    const stat = fs.lstatSync(source);
    // What a link leads to, or what has another name elsewhere, is not ours to move.
    const ready = listed.linked || stat.nlink > 1 ? this.copied(source) : source;
    const descriptor = fs.openSync(ready, "r");
    try {
      const hashing = hashOpenFile(descriptor);
      const { sha256, size } = hashing instanceof Promise ? await hashing : hashing;
      const { mode } = listed.linked ? fs.statSync(source) : stat;
      const file = treeFile(listed.path, sha256, size, mode);
      const blob = this.blobOf(file);
      if (this.holds(blob, size)) {
        if (ready !== source) fs.rmSync(ready);
        return file;
      }
      // Whole, read-only and on the disk before it has its name.
      fs.fchmodSync(descriptor, file.executable === true ? 0o555 : 0o444);
      fs.futimesSync(descriptor, storedAtSeconds, storedAtSeconds);
      fs.fsyncSync(descriptor);
      moveInto(ready, blob);
      return file;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  private holds(blob: string, size: number): boolean {
    const stat = fs.statSync(blob, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.size === size && stat.mtimeMs === storedAtSeconds * 1000) return true;
    this.quarantine(blob);
    return false;
  }

  private copied(source: string): string {
    const incoming = path.join(this.home, "incoming", randomUUID());
    fs.copyFileSync(source, incoming);
    return incoming;
  }

  private link(artifact: Artifact) {
    const tree = this.directoryOf(artifact.digest);
    if (fs.existsSync(tree)) {
      if (this.isSound(artifact.digest, artifact.files)) return;
      this.quarantine(tree);
    }
    const incoming = `${this.home}/incoming/${randomUUID()}`;
    fs.mkdirSync(incoming);
    const made = new Set([""]);
    for (const file of artifact.files) {
      const folder = file.path.slice(0, Math.max(0, file.path.lastIndexOf("/")));
      if (!made.has(folder)) fs.mkdirSync(`${incoming}/${folder}`, { recursive: true });
      made.add(folder);
      fs.linkSync(this.blobOf(file), `${incoming}/${file.path}`);
    }
    try {
      fs.renameSync(incoming, tree);
      syncPath(path.dirname(tree));
    } catch (error) {
      // Another process has just stored the same tree: theirs is as good.
      if (!fs.existsSync(tree)) throw error;
      fs.rmSync(incoming, { recursive: true, force: true });
    }
  }
}

const isAsStored = (file: string, size: number): boolean => {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.size === size && stat.mtimeMs === storedAtSeconds * 1000;
};

/** The blob's directory is made when the first blob comes. */
const moveInto = (ready: string, blob: string) => {
  const directory = path.dirname(blob);
  try {
    fs.renameSync(ready, blob);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || fs.existsSync(directory)) throw error;
    fs.mkdirSync(directory, { recursive: true });
    fs.renameSync(ready, blob);
  }
  syncPath(directory);
};
