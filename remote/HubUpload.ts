/** A file to upload, with the hashes by which the Hub knows it. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import type { HubFile } from "./HubClient.ts";

/** Bytes, or a file that does not change meanwhile; `size` in bytes. */
export type UploadContent = Uint8Array | { readonly file: string; readonly size: number };

export interface HubUpload {
  /** In the repository, with forward slashes. */
  readonly path: string;
  readonly content: UploadContent;
  readonly size: number;
  /** The name of a file in LFS. */
  readonly sha256: string;
  /** Git's hash of a blob, the name of every other file. */
  readonly sha1: string;
}

/** Reads the content once, in pieces. */
export const hashUpload = async (path: string, content: UploadContent): Promise<HubUpload> => {
  const size = content instanceof Uint8Array ? content.length : content.size;
  const sha256 = createHash("sha256");
  const sha1 = createHash("sha1").update(`blob ${size}\0`);
  const pieces =
    content instanceof Uint8Array
      ? [content]
      : (fs.createReadStream(content.file, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>);
  for await (const piece of pieces) {
    sha256.update(piece);
    sha1.update(piece);
  }
  return { path, content, size, sha256: sha256.digest("hex"), sha1: sha1.digest("hex") };
};

/** A blob of a file is read while it is sent, and has a length, which the hosts of large files need. */
export const blobOf = async ({ content }: HubUpload): Promise<Blob> =>
  content instanceof Uint8Array
    ? new Blob([content as Uint8Array<ArrayBuffer>])
    : fs.openAsBlob(content.file);

/** Whether the repository's file has the same content. */
export const isSame = ({ size, sha256, sha1 }: HubUpload, there: HubFile | undefined): boolean =>
  there?.size === size && (there.hash === sha256 || there.hash === sha1);
