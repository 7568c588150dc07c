/**
 * Digests of local files and directories. A file is read again only if its inode, size, mode, mtime or ctime changed.
 *
 * A file that changed just now is not remembered: another change within the grain of the clock would not show (git calls
 * this "racily clean").
 */
import fs from "node:fs";
import path from "node:path";
import type { TreeFile } from "../schemas/Artifact.ts";
import { type Digest, digestJson, type Json } from "../schemas/Digest.ts";
import type { IsIgnored } from "./ignoreRules.ts";
import { fileKind, hashFile, listFiles, treeFile } from "./Tree.ts";

export interface KnownDigest {
  readonly stat: string;
  readonly digest: Digest;
}

/** Coarser than the clock of any file system in use. */
const grainMillis = 2000;

export class SourceDigests {
  /** The remembered digest of a file. */
  readonly known: (file: string) => KnownDigest | undefined;
  /** New digests to remember, by absolute path. */
  readonly learned = new Map<string, KnownDigest>();

  constructor(known: (file: string) => KnownDigest | undefined) {
    this.known = known;
  }

  /** The digest of a directory as a tree, or of a file's content and mode without its name. */
  async ofPath(target: string, isIgnored?: IsIgnored): Promise<Digest> {
    const stat = fs.statSync(target);
    if (!stat.isDirectory()) {
      if (!stat.isFile()) throw new Error(`${target} is ${fileKind(stat)}, not a file`);
      const { path: _, ...file } = await this.describe(target, "");
      return digestJson(file);
    }
    const files: Array<TreeFile> = [];
    for (const relative of listFiles(fs.realpathSync(target), isIgnored).files)
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
