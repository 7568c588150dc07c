/** The bytes of an entry, a piece at a time: large files are never held whole. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import type { Entry } from "./format.ts";

const pieceBytes = 1 << 18;

export async function* contentChunks(content: Entry["content"]): AsyncGenerator<Buffer> {
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
    throw new Error(`${content.file} has ${read} bytes where ${content.size} were stored`);
}

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

/** As people and programs read it: two blanks a level, a newline at the end. */
export const jsonBytes = (value: unknown): Uint8Array =>
  textBytes(`${JSON.stringify(value, null, 2)}\n`);

/** By the code units of their paths: the one order of everything in a bundle. */
export const inPathOrder = <Named extends { readonly path: string }>(
  named: ReadonlyArray<Named>,
): ReadonlyArray<Named> =>
  named.toSorted((one, other) => (one.path < other.path ? -1 : Number(one.path > other.path)));
