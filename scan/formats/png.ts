/** The texts of PNG pictures. */
import zlib from "node:zlib";
import { textOnly } from "../text/encoding.ts";
import type { Part } from "./Part.ts";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const view = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

export const startsAsPng = (bytes: Uint8Array): boolean =>
  view(bytes.subarray(0, signature.length)).equals(signature);

/** Where pictures begin in other bytes. */
export const pngStarts = (bytes: Uint8Array): ReadonlyArray<number> => {
  const starts: Array<number> = [];
  const buffer = view(bytes);
  for (let at = buffer.indexOf(signature); at >= 0; at = buffer.indexOf(signature, at + 1))
    starts.push(at);
  return starts;
};

/** The picture itself. */
const pixels = new Set(["IHDR", "PLTE", "IDAT", "IEND", "fdAT"]);
/** Numbers about the picture, and texts as they are. */
const plain = new Set(
  "tEXt iTXt eXIf tIME pHYs gAMA cHRM sRGB bKGD tRNS hIST sBIT sPLT acTL fcTL".split(" "),
);

export interface Png {
  readonly parts: ReadonlyArray<Part>;
  readonly refused: ReadonlyArray<string>;
  readonly start: number;
  readonly end: number;
}

/** The picture that begins at `start`. */
export const readPng = (bytes: Uint8Array, start: number): Png => {
  const buffer = view(bytes);
  const parts: Array<Part> = [];
  const refused: Array<string> = [];
  let at = start + signature.length;
  for (let type = ""; type !== "IEND";) {
    const length = at + 12 <= buffer.length ? buffer.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (at + 12 + length > buffer.length) {
      const rest = textOnly(buffer.subarray(at));
      parts.push({ place: `PNG at byte ${at}`, bytes: rest, as: "binary" });
      return { parts, refused: [...refused, "a damaged PNG picture"], start, end: buffer.length };
    }
    type = buffer.toString("latin1", at + 4, at + 8);
    const data = buffer.subarray(at + 8, at + 8 + length);
    const place = `PNG ${/^[A-Za-z]{4}$/.test(type) ? type : "chunk"} at byte ${at}`;
    if (!pixels.has(type)) parts.push({ place, bytes: textOnly(data), as: "binary" });
    const packed = packedText(type, data);
    if (packed !== undefined) {
      const text = inflated(packed);
      if (text === undefined) refused.push(`a PNG picture with a damaged ${type} chunk`);
      else parts.push({ place, bytes: text, as: "file" });
    } else if (!pixels.has(type) && !plain.has(type)) {
      refused.push("a PNG picture with a chunk of unknown format");
    }
    at += 12 + length;
  }
  return { parts, refused, start, end: at };
};

/** keyword, 0, method, data; in iTXt keyword, 0, packed?, method, language, 0, translated keyword, 0, data. */
const packedText = (type: string, data: Buffer): Buffer | undefined => {
  const keywordEnd = data.indexOf(0);
  if (type === "zTXt" || type === "iCCP") return data.subarray(keywordEnd + 2);
  if (type !== "iTXt" || keywordEnd < 0 || data[keywordEnd + 1] !== 1) return undefined;
  const languageEnd = data.indexOf(0, keywordEnd + 3);
  return data.subarray(data.indexOf(0, languageEnd + 1) + 1);
};

const mostOfText = 1 << 26;

const inflated = (packed: Buffer): Uint8Array | undefined => {
  try {
    return zlib.inflateSync(packed, { maxOutputLength: mostOfText });
  } catch {
    return undefined;
  }
};
