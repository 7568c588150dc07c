/**
 * Moves a directory of files into the store: blobs, then a tree of hard links to them. Each step is synced before the next
 * one relies on it; many files are synced together, and so are the new names, on which only the record relies.
 */
import fs from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type { Artifact, ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import { remove } from "./remove.ts";
import { syncAll, syncPath } from "./sync.ts";
import { artifactOf, hashFile, type Listing, treeFile } from "./Tree.ts";
import { incomingPath, isMissing, storedAtSeconds, type Trees } from "./Trees.ts";

const mostTries = 100;
/** The longest time without a turn of the event loop, which delivers signals. */
const turnMillis = 20;
/** Each file is hashed, looked up and named as a blob. */
const stepsPerFile = 3;
/** Fewer files are stored before anybody wonders. */
const filesPerReport = 500;

/** Called after every few hundred files with how many are stored. */
export type ReportStored = (done: number, total: number) => void;

export interface TreeSource {
  readonly directory: string;
  readonly listing: Listing;
  readonly kind: ArtifactKind;
}

export const addTree = async (
  trees: Trees,
  { directory, listing, kind }: TreeSource,
  signal: AbortSignal,
  report: ReportStored = () => {},
): Promise<Artifact> => {
  const turn = new Turns(signal, (steps) =>
    report(Math.floor(steps / stepsPerFile), listing.files.length),
  );
  const copies = new Map<string, string>();
  const pathOf = (name: string) => copies.get(name) ?? `${directory}/${name}`;
  const isForeign = foreignFiles(directory);
  try {
    const files: Array<TreeFile> = [];
    for (const name of listing.files) {
      await turn.next();
      const stat = fs.statSync(`${directory}/${name}`);
      // A file behind a symbolic link, or with another hard link, must not be changed; that of another user can't be.
      if (listing.linked.has(name) || stat.nlink > 1 || isForeign(stat, name))
        copies.set(name, await copied(trees.home, `${directory}/${name}`, signal));
      const { sha256, size } = await hashFile(pathOf(name));
      files.push(treeFile(name, sha256, size, stat.mode));
    }
    const blobFolders = await addBlobs(trees, files, pathOf, turn);
    const artifact = artifactOf(kind, files);
    const tree = trees.directoryOf(artifact.digest);
    if (fs.existsSync(tree) && !trees.isSound(artifact.digest, files)) trees.quarantine(tree);
    if (!fs.existsSync(tree)) {
      // A directory that holds nothing but links to blobs becomes the tree.
      const isTree = listing.plain && copies.size === 0;
      const ready = isTree ? directory : linkAll(trees.home, listing.files, pathOf);
      await syncAll([...foldersOf(listing.files)].map((folder) => `${ready}/${folder}`));
      place(ready, tree);
    }
    // A tree that was there, too: the process that stored it may not have come to this.
    await syncAll([...blobFolders, path.dirname(tree)]);
    return artifact;
  } finally {
    for (const copy of copies.values()) fs.rmSync(copy, { force: true });
  }
};

/** Tells files that, or whose directory, another user owns, as after `docker run -v {out}:/out`. */
const foreignFiles = (directory: string) => {
  const own = process.geteuid?.();
  const known = new Map<string, boolean>();
  return ({ uid }: fs.Stats, name: string): boolean => {
    if (uid !== own) return true;
    const folder = path.posix.dirname(name);
    const before = known.get(folder);
    if (before !== undefined) return before;
    const foreign = fs.statSync(`${directory}/${folder}`).uid !== own;
    known.set(folder, foreign);
    return foreign;
  };
};

/** Counts steps, gives the event loop a turn and reports now and then; throws when the caller was interrupted. */
class Turns {
  private readonly signal: AbortSignal;
  private readonly report: (steps: number) => void;
  private begun = performance.now();
  private steps = 0;

  constructor(signal: AbortSignal, report: (steps: number) => void) {
    this.signal = signal;
    this.report = report;
  }

  async next(): Promise<void> {
    this.steps += 1;
    if (this.steps % (filesPerReport * stepsPerFile) === 0) this.report(this.steps);
    if (performance.now() - this.begun > turnMillis) {
      await new Promise((resolve) => setImmediate(resolve));
      this.begun = performance.now();
    }
    this.signal.throwIfAborted();
  }
}

/** Makes every file a hard link to its blob; returns the folders with new names. `pipe gc` deletes no blob with a second link. */
const addBlobs = async (
  trees: Trees,
  files: ReadonlyArray<TreeFile>,
  pathOf: (name: string) => string,
  turn: Turns,
): Promise<ReadonlySet<string>> => {
  const fresh: Array<TreeFile> = [];
  for (const file of files) {
    await turn.next();
    if (replaceByBlob(trees, file, pathOf(file.path))) continue;
    trees.restore(pathOf(file.path), file);
    fresh.push(file);
  }
  // A blob is whole, read-only and durable before it has its name.
  await syncAll(fresh.map(({ path: name }) => pathOf(name)));
  const folders = new Set<string>();
  for (const file of fresh) {
    await turn.next();
    const blob = trees.blobOf(file);
    // Another process may store or delete the same blob at any moment; then the other call succeeds.
    for (let tries = 0; !nameAsBlob(pathOf(file.path), blob); tries += 1) {
      if (replaceByBlob(trees, file, pathOf(file.path))) break;
      if (tries === mostTries)
        throw new Error(`the blob ${blob} comes and goes; something else writes to the store`);
    }
    folders.add(path.dirname(blob));
  }
  return folders;
};

/** Replaces a file by a link to its blob; false if there is no sound blob. */
const replaceByBlob = (trees: Trees, file: TreeFile, target: string): boolean => {
  const blob = trees.blobOf(file);
  const stat = fs.statSync(blob, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (stat.size !== file.size || stat.mtimeMs !== storedAtSeconds * 1000) {
    trees.quarantine(blob);
    return false;
  }
  const link = incomingPath(trees.home);
  try {
    fs.linkSync(blob, link);
  } catch (error) {
    if (isMissing(error)) return false;
    if (!isFull(error)) throw error;
    // The artifacts keep the inode with the most links; the blob becomes a copy of it.
    copyStored(blob, link);
    fs.renameSync(link, blob);
    syncPath(path.dirname(blob));
    return false;
  }
  fs.renameSync(link, target);
  return true;
};

/** Links a file as a blob; false if there is one. */
const nameAsBlob = (ready: string, blob: string): boolean => {
  try {
    fs.linkSync(ready, blob);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    const directory = path.dirname(blob);
    if (!isMissing(error) || fs.existsSync(directory)) throw error;
    fs.mkdirSync(directory, { recursive: true });
    return nameAsBlob(ready, blob);
  }
};

/** Links a sound file of a tree as its missing blob. */
export const restoreBlob = (file: string, blob: string) => {
  if (nameAsBlob(file, blob)) syncPath(path.dirname(blob));
};

/** Not by copyFile, which gives the copy to the owner of the source where it may. */
const copied = async (home: string, source: string, signal: AbortSignal): Promise<string> => {
  const incoming = incomingPath(home);
  const target = fs.createWriteStream(incoming, { mode: 0o600 });
  await pipeline(fs.createReadStream(source), target, { signal });
  return incoming;
};

/** A new directory of links to these files. */
const linkAll = (
  home: string,
  names: ReadonlyArray<string>,
  pathOf: (name: string) => string,
): string => {
  const incoming = incomingPath(home);
  for (const folder of foldersOf(names)) fs.mkdirSync(`${incoming}/${folder}`, { recursive: true });
  for (const name of names) linkOrCopy(pathOf(name), `${incoming}/${name}`);
  return incoming;
};

const place = (ready: string, tree: string) => {
  try {
    fs.renameSync(ready, tree);
  } catch (error) {
    // Another process has just stored the same tree.
    if (!fs.existsSync(tree)) throw error;
    remove(ready);
  }
};

/** The directories of these files, the root included. */
const foldersOf = (files: ReadonlyArray<string>): ReadonlySet<string> => {
  const folders = new Set([""]);
  for (const file of files) {
    let folder = path.posix.dirname(file);
    for (; folder !== "." && !folders.has(folder); folder = path.posix.dirname(folder))
      folders.add(folder);
  }
  return folders;
};

/** Whether a file has as many links as its file system allows: 65,000 on ext4, billions on XFS. */
const isFull = (error: unknown) => (error as NodeJS.ErrnoException).code === "EMLINK";

const linkOrCopy = (stored: string, target: string) => {
  try {
    fs.linkSync(stored, target);
  } catch (error) {
    if (!isFull(error)) throw error;
    copyStored(stored, target);
  }
};

/** Copies a blob with its mode and mtime, durably. */
const copyStored = (stored: string, target: string) => {
  fs.copyFileSync(stored, target);
  fs.utimesSync(target, storedAtSeconds, storedAtSeconds);
  syncPath(target);
};
