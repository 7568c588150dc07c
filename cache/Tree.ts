/**
 * Trees of files: how a directory gets its digest, and how its files come to lie in the store.
 *
 * Plain Node calls: these loops run over tens of thousands of files.
 */
import { createHash, hash } from "node:crypto";
import fs from "node:fs";
import type { Artifact, ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import { type Digest, digestJson, type Json } from "../schemas/Digest.ts";

// The fastest size measured for SHA-256 over warm files; between turns the event loop gets its chance.
const chunkBytes = 64 * 1024;
const bytesPerTurn = 64 * 1024 * 1024;

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

export interface HashedFile {
  readonly sha256: Digest;
  /** In bytes. */
  readonly size: number;
}

export const hashFile = async (file: string): Promise<HashedFile> => {
  const descriptor = fs.openSync(file, "r");
  try {
    return await hashOpenFile(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
};

const shared = Buffer.allocUnsafe(chunkBytes);

/** From where the descriptor stands to the end. */
export const hashOpenFile = (descriptor: number): Promise<HashedFile> | HashedFile => {
  const first = fs.readSync(descriptor, shared, 0, chunkBytes, null);
  return first < chunkBytes
    ? { sha256: hash("sha256", shared.subarray(0, first), "hex"), size: first }
    : hashLargeFile(descriptor, Buffer.from(shared));
};

const hashLargeFile = async (descriptor: number, buffer: Buffer): Promise<HashedFile> => {
  const hasher = createHash("sha256").update(buffer);
  for (let size = chunkBytes; ;) {
    const read = fs.readSync(descriptor, buffer, 0, chunkBytes, null);
    if (read === 0) return { sha256: hasher.digest("hex"), size };
    hasher.update(buffer.subarray(0, read));
    size += read;
    if (size % bytesPerTurn < read) await nextTurn();
  }
};

/** What stands below a directory. */
export interface Listing {
  /** Regular files, as relative paths with forward slashes, in code-unit order. */
  readonly files: ReadonlyArray<string>;
  /** Those reached through a symbolic link: they belong to somebody else. */
  readonly linked: ReadonlySet<string>;
  /** Nothing but these files and the directories that they need: no links, no empty directories. */
  readonly plain: boolean;
}

/** Links below `root` are followed. Throws on what is neither a file nor a directory. */
export const listFiles = (root: string): Listing => {
  // Behind a link lies somebody else's directory, which would be taken for ours.
  if (!fs.lstatSync(root).isDirectory()) throw new Error(`${root} is not a directory`);
  const files: Array<string> = [];
  const linked = new Set<string>();
  let plain = true;
  const visit = (relative: string, inLink: boolean, above: ReadonlyArray<string>) => {
    const directory = relative === "" ? root : `${root}/${relative}`;
    const real = fs.realpathSync(directory);
    if (above.includes(real))
      throw new Error(`${directory} is a link to a directory that holds it`);
    const entries = fs.readdirSync(directory, { withFileTypes: true });
    if (entries.length === 0 && relative !== "") plain = false;
    for (const entry of entries) {
      const inner = relative === "" ? entry.name : `${relative}/${entry.name}`;
      const full = `${root}/${inner}`;
      if (entry.name.includes("\uFFFD") && !fs.existsSync(full))
        throw new Error(`the name of ${full} is not UTF-8`);
      const isLink = inLink || entry.isSymbolicLink();
      const stat = entry.isSymbolicLink() ? fs.statSync(full) : entry;
      if (isLink) plain = false;
      if (stat.isDirectory()) visit(inner, isLink, [...above, real]);
      else if (!stat.isFile()) throw new Error(`${full} is neither a file nor a directory`);
      else {
        files.push(inner);
        if (isLink) linked.add(inner);
      }
    }
  };
  visit("", false, []);
  return { files: files.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)), linked, plain };
};

export const treeFile = (relative: string, sha256: Digest, size: number, mode: number): TreeFile =>
  (mode & 0o100) === 0
    ? { path: relative, sha256, size }
    : { path: relative, sha256, size, executable: true };

export const artifactOf = (kind: ArtifactKind, files: ReadonlyArray<TreeFile>): Artifact => ({
  digest: digestJson(files as unknown as Json),
  kind,
  files,
  bytes: files.reduce((sum, file) => sum + file.size, 0),
});

export const syncPath = (target: string) => {
  const descriptor = fs.openSync(target, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
};
