/**
 * Trees of files: how a directory gets its digest, and how its files come to lie in the store.
 *
 * Plain Node calls: these loops run over tens of thousands of files.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Artifact, ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import { type Digest, digestJson, type Json } from "../schemas/Digest.ts";

// The fastest size measured for SHA-256 over warm files; between turns the event loop gets its chance.
const chunkBytes = 64 * 1024;
const bytesPerTurn = 64 * 1024 * 1024;

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

export const hashFile = async (
  file: string,
): Promise<{ readonly sha256: Digest; readonly size: number }> => {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  const descriptor = fs.openSync(file, "r");
  try {
    let size = 0;
    for (;;) {
      const read = fs.readSync(descriptor, buffer, 0, chunkBytes, null);
      if (read === 0) return { sha256: hash.digest("hex"), size };
      hash.update(buffer.subarray(0, read));
      size += read;
      if (size % bytesPerTurn < read) await nextTurn();
    }
  } finally {
    fs.closeSync(descriptor);
  }
};

/** Regular files below a directory, as relative paths with forward slashes, in code-unit order; links are followed. */
export const listFiles = (root: string): ReadonlyArray<string> => {
  const found: Array<string> = [];
  const visit = (directory: string, above: ReadonlyArray<string>) => {
    const real = fs.realpathSync(directory);
    if (above.includes(real))
      throw new Error(`${directory} is a link to a directory that holds it`);
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
      const full = path.join(directory, entry.name);
      if (entry.name.includes("\uFFFD") && !fs.existsSync(full))
        throw new Error(`the name of ${full} is not UTF-8`);
      const stat = entry.isSymbolicLink() ? fs.statSync(full) : entry;
      if (stat.isDirectory()) visit(full, [...above, real]);
      else if (stat.isFile()) found.push(path.relative(root, full).split(path.sep).join("/"));
      else throw new Error(`${full} is neither a file nor a directory`);
    }
  };
  visit(root, []);
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
};

export const describeFile = async (root: string, relative: string): Promise<TreeFile> => {
  const full = path.join(root, relative);
  const { sha256, size } = await hashFile(full);
  const executable = (fs.statSync(full).mode & 0o100) !== 0;
  return { path: relative, sha256, size, ...(executable ? { executable: true as const } : {}) };
};

/** A directory as an artifact: digest, files, bytes. Owners, times and empty directories are no part of it. */
export const describeTree = async (root: string, kind: ArtifactKind): Promise<Artifact> => {
  const files: Array<TreeFile> = [];
  for (const relative of listFiles(root)) files.push(await describeFile(root, relative));
  return artifactOf(kind, files);
};

export const artifactOf = (kind: ArtifactKind, files: ReadonlyArray<TreeFile>): Artifact => ({
  digest: digestJson(files as unknown as Json),
  kind,
  files,
  bytes: files.reduce((sum, file) => sum + file.size, 0),
});

/** The digest of a path given in an experiment: a tree's, or a file's with its mode; the file's name is no part of it. */
export const digestPath = async (target: string): Promise<Digest> => {
  if (fs.statSync(target).isDirectory()) return (await describeTree(target, "files")).digest;
  const { path: _, ...file } = await describeFile(path.dirname(target), path.basename(target));
  return digestJson(file);
};

export const syncPath = (target: string) => {
  const descriptor = fs.openSync(target, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
};
