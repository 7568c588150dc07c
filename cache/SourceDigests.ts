/**
 * Digests of local files and directories. A file that is as it was when its digest was taken is not read again.
 *
 * "As it was" means: the same inode, size, mode, and times of change of content and of inode. A change within the clock's
 * grain of an earlier one would not show, so what was changed just now is not remembered (git calls this "racily clean").
 */
import fs from "node:fs";
import path from "node:path";
import type { TreeFile } from "../schemas/Artifact.ts";
import { type Digest, digestJson, type Json } from "../schemas/Digest.ts";
import { hashFile, listFiles, treeFile } from "./Tree.ts";

export interface KnownDigest {
  readonly stat: string;
  readonly digest: Digest;
}

/** Coarser than the clock of any file system in use. */
const grainMillis = 2000;

export class SourceDigests {
  /** What is remembered of a file. */
  readonly known: (file: string) => KnownDigest | undefined;
  /** What has been learned and is worth remembering, by absolute path. */
  readonly learned = new Map<string, KnownDigest>();

  constructor(known: (file: string) => KnownDigest | undefined) {
    this.known = known;
  }

  /** A directory's digest as a tree, or a file's with its mode; the file's own name is no part of it. */
  async ofPath(target: string): Promise<Digest> {
    if (!fs.statSync(target).isDirectory()) {
      const { path: _, ...file } = await this.describe(target, "");
      return digestJson(file);
    }
    const files: Array<TreeFile> = [];
    for (const relative of listFiles(fs.realpathSync(target)).files)
      files.push(await this.describe(path.join(target, relative), relative));
    return digestJson(files as unknown as Json);
  }

  private async describe(file: string, relative: string): Promise<TreeFile> {
    const stat = fs.statSync(file, { bigint: true });
    const state = stateOf(stat);
    const known = this.learned.get(file) ?? this.known(file);
    if (known?.stat === state)
      return treeFile(relative, known.digest, Number(stat.size), Number(stat.mode));
    const { sha256, size } = await hashFile(file);
    const settled = Number(stat.ctimeMs) < Date.now() - grainMillis;
    if (settled && stateOf(fs.statSync(file, { bigint: true })) === state)
      this.learned.set(file, { stat: state, digest: sha256 });
    return treeFile(relative, sha256, size, Number(stat.mode));
  }
}

const stateOf = (stat: fs.BigIntStats): string =>
  [stat.dev, stat.ino, stat.size, stat.mode, stat.mtimeNs, stat.ctimeNs].join(" ");
