/**
 * Hashes every blob and compares the digest with its name.
 *
 * Small files are read one after the other, since concurrency would cost more than the reading; larger ones several at a
 * time, to use the disk and all processors.
 */
import { hash, webcrypto } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import { blobsOf } from "./Leftovers.ts";
import { hashFile } from "./Tree.ts";

const smallBytes = 64 * 1024;
/** A larger file is hashed in chunks. */
const wholeBytes = 32 * 1024 * 1024;
const atOnce = 4;
const filesPerTurn = 256;

export interface HashedBlob {
  readonly file: string;
  readonly sha256: Digest;
  /** The blob's name is its digest. */
  readonly sound: boolean;
}

export interface Progress {
  readonly files: number;
  readonly bytes: number;
  readonly allFiles: number;
  readonly allBytes: number;
}

/** Blobs by inode, so that files of trees, which are links to them, need not be read again. */
export const hashBlobs = async (
  home: string,
  report: (progress: Progress) => void,
): Promise<ReadonlyMap<number, HashedBlob>> => {
  const found = new Map<number, HashedBlob>();
  const blobs = blobsOf(home).flatMap((file) => {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? [] : [{ file, size: stat.size, inode: stat.ino }];
  });
  const allBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  let [next, files, bytes] = [0, 0, 0];
  const worker = async () => {
    for (let blob = blobs[next++]; blob !== undefined; blob = blobs[next++]) {
      const { file, size, inode } = blob;
      const sha256 = await unlessGone(() => digestOf(file, size));
      if (sha256 !== undefined)
        found.set(inode, { file, sha256, sound: path.basename(file, ".x") === sha256 });
      files += 1;
      bytes += size;
      report({ files, bytes, allFiles: blobs.length, allBytes });
      if (files % filesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found;
};

const digestOf = async (file: string, size: number): Promise<Digest> => {
  if (size <= smallBytes) return hash("sha256", fs.readFileSync(file), "hex");
  if (size > wholeBytes) return (await hashFile(file)).sha256;
  const whole = await fs.promises.readFile(file);
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", whole)).toString("hex");
};

/** `pipe gc` may delete a file while it is read. */
const unlessGone = async <A>(read: () => Promise<A>): Promise<A | undefined> => {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
};
