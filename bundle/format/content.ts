/** The bytes of an entry, read in pieces so that large files stay out of memory. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import type { Entry } from "./format.ts";

const pieceBytes = 1 << 18;

export const contentChunks = async function* (content: Entry["content"]): AsyncGenerator<Buffer> {
  if (content instanceof Uint8Array) {
    yield Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    return;
  }
  let read = 0;
  for await (const piece of fs.createReadStream(content.file, { highWaterMark: pieceBytes })) {
    read += (piece as Buffer).length;
    yield piece as Buffer;
  }
  if (read !== content.size)
    throw new Error(`${content.file} has ${read} bytes; the store recorded ${content.size}`);
};

export const sizeOf = (content: Entry["content"]): number =>
  content instanceof Uint8Array ? content.length : content.size;

export interface Digests {
  readonly sha256: string;
  readonly sha512: string;
}

export const digestsOf = async (content: Entry["content"]): Promise<Digests> => {
  const sha256 = createHash("sha256");
  const sha512 = createHash("sha512");
  for await (const piece of contentChunks(content)) {
    sha256.update(piece);
    sha512.update(piece);
  }
  return { sha256: sha256.digest("hex"), sha512: sha512.digest("hex") };
};

const encoder = new TextEncoder();

export const textBytes = (text: string): Uint8Array => encoder.encode(text);

/** Indented JSON with a final newline. */
export const jsonBytes = (value: unknown): Uint8Array =>
  textBytes(`${JSON.stringify(value, null, 2)}\n`);

/** Ordered by the code units of paths, the order of everything in a bundle. */
export const inPathOrder = <Named extends { readonly path: string }>(
  named: ReadonlyArray<Named>,
): ReadonlyArray<Named> =>
  named.toSorted((one, other) => (one.path < other.path ? -1 : Number(one.path > other.path)));
