/** A repository of the loopback Hub: its commits, and the large objects beside them. */
import { createHash } from "node:crypto";

export interface Stored {
  readonly path: string;
  readonly bytes: Buffer;
  /** SHA-256 in LFS, otherwise git's. */
  readonly hash: string;
}

export interface Commit {
  readonly oid: string;
  readonly summary: string;
  readonly description: string;
  readonly files: ReadonlyMap<string, Stored>;
}

interface Line {
  readonly key: string;
  readonly value: Readonly<Record<string, string>>;
}

/** The Hub goes by `.gitattributes`; these are in its default. */
export const isLarge = (name: string) => /\.(?:parquet|safetensors|bin|gz)$/u.test(name);

export const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

export const gitHash = (bytes: Buffer): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

export const stored = (path: string, bytes: Buffer): Stored => ({
  path,
  bytes,
  hash: isLarge(path) && bytes.length > 0 ? sha256(bytes) : gitHash(bytes),
});

/** The Hub refuses a commit, with this status and message. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Repository {
  readonly commits: Array<Commit>;
  readonly objects = new Map<string, Buffer>();
  readonly isPrivate: boolean;

  constructor(oid: string, files: ReadonlyArray<Stored>, isPrivate = false) {
    const named = new Map(files.map((file) => [file.path, file]));
    this.commits = [{ oid, summary: "initial commit", description: "", files: named }];
    this.isPrivate = isPrivate;
    for (const { bytes } of files) this.objects.set(sha256(bytes), bytes);
  }

  get head(): Commit {
    return this.commits.at(-1)!;
  }

  at(revision: string): Commit | undefined {
    return revision === "main" ? this.head : this.commits.find(({ oid }) => oid === revision);
  }

  /** Adds a commit from its lines. */
  commit(lines: ReadonlyArray<Line>): Commit {
    const [header, ...changes] = lines;
    if (header?.key !== "header" || !header.value["summary"])
      throw new Refused(400, "the first line is no header with a summary");
    const { summary, description = "", parentCommit = this.head.oid } = header.value;
    if (parentCommit !== this.head.oid)
      throw new Refused(412, "A commit has happened since. Please refresh and try again.");
    const files = new Map(this.head.files);
    for (const { key, value } of changes) this.change(files, key, value);
    const oid = createHash("sha1")
      .update(`${this.head.oid}${JSON.stringify(lines)}`)
      .digest("hex");
    this.commits.push({ oid, summary, description, files });
    return this.head;
  }

  private change(files: Map<string, Stored>, key: string, value: Line["value"]): void {
    const { path = "" } = value;
    if (key === "deletedFile") {
      if (!files.delete(path)) throw new Refused(400, `there is no ${path} to delete`);
      return;
    }
    if (key === "file") {
      const bytes = Buffer.from(value["content"]!, value["encoding"] as "base64");
      if (isLarge(path) && bytes.length > 0)
        throw new Refused(400, `Your push was rejected: ${path} must be in LFS`);
      return void files.set(path, stored(path, bytes));
    }
    const bytes = this.objects.get(value["oid"]!);
    if (key !== "lfsFile" || value["algo"] !== "sha256" || bytes === undefined)
      throw new Refused(400, `there is no object of ${path}`);
    files.set(path, { path, bytes, hash: value["oid"]! });
  }
}
