/** Text in the usual encodings as UTF-8. */
import { isUtf8 } from "node:buffer";

/** Control characters of terminals count as text: backspace, tab, line feed, form feed, carriage return, escape. */
const isAscii = new Uint8Array(256);
for (const byte of [8, 9, 10, 12, 13, 27]) isAscii[byte] = 1;
for (let byte = 0x20; byte < 0x7f; byte += 1) isAscii[byte] = 1;

const marks: ReadonlyArray<readonly [encoding: Wide, mark: ReadonlyArray<number>]> = [
  ["utf-32le", [0xff, 0xfe, 0, 0]],
  ["utf-32be", [0, 0, 0xfe, 0xff]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];
type Wide = "utf-16le" | "utf-16be" | "utf-32le" | "utf-32be";

/** The bytes as UTF-8, or `undefined` where they are no text. Valid UTF-8 is text, as nothing that is packed is valid UTF-8. */
export const utf8Of = (bytes: Uint8Array): Uint8Array | undefined => {
  const wide = wideText(bytes);
  if (wide !== undefined) return wide;
  if (isUtf8(bytes)) return bytes;
  const { ascii, controls } = counts(bytes);
  const isText = controls * 100 <= bytes.length && ascii * 4 >= bytes.length * 3;
  if (!isText) return undefined;
  return hasUtf8Letters(bytes) ? bytes : Buffer.from(view(bytes).toString("latin1"));
};

/** UTF-16 and UTF-32, with a mark or by the zeros between its characters. */
export const wideText = (bytes: Uint8Array): Uint8Array | undefined => {
  const encoding =
    marks.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte))?.[0] ?? byZeros(bytes);
  if (encoding === undefined) return undefined;
  const text = decodeWide(bytes, encoding);
  const { controls } = counts(text);
  return controls * 100 <= text.length ? text : undefined;
};

const sample = 4096;

const byZeros = (bytes: Uint8Array): Wide | undefined => {
  const length = Math.min(bytes.length, sample) & ~3;
  if (length < 8) return undefined;
  const zeros = [0, 0, 0, 0];
  for (let i = 0; i < length; i += 1) if (bytes[i] === 0) zeros[i & 3]! += 1;
  const [first, second, third, fourth] = zeros.map((count) => (4 * count) / length);
  const [most, few] = [0.6, 0.1];
  if (third! > 0.95 && fourth! > 0.95 && first! < few) return "utf-32le";
  if (first! > 0.95 && second! > 0.95 && fourth! < few) return "utf-32be";
  if (second! > most && fourth! > most && first! + third! < few) return "utf-16le";
  if (first! > most && third! > most && second! + fourth! < few) return "utf-16be";
  return undefined;
};

const decodeWide = (bytes: Uint8Array, encoding: Wide): Uint8Array => {
  if (encoding === "utf-16le" || encoding === "utf-16be")
    return Buffer.from(new TextDecoder(encoding).decode(bytes));
  const buffer = view(bytes);
  const parts: Array<string> = [];
  for (let at = 0; at + 4 <= buffer.length; at += 4) {
    const code = encoding === "utf-32le" ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at);
    parts.push(code <= 0x10ffff ? String.fromCodePoint(code) : "\0");
  }
  return Buffer.from(parts.join(""));
};

const counts = (bytes: Uint8Array): { readonly ascii: number; readonly controls: number } => {
  let [ascii, high] = [0, 0];
  for (const byte of bytes) {
    ascii += isAscii[byte]!;
    high += byte >> 7;
  }
  return { ascii, controls: bytes.length - ascii - high };
};

/** Whether most bytes outside ASCII belong to UTF-8 that is damaged or cut off, rather than to Latin-1. */
const hasUtf8Letters = (bytes: Uint8Array): boolean => {
  let [well, ill] = [0, 0];
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at]! < 0x80) continue;
    const length = sequenceLength(bytes, at);
    if (length === 0) ill += 1;
    else {
      well += 1;
      at += length - 1;
    }
  }
  return well > ill;
};

/** How many bytes the UTF-8 sequence at `at` has: 0 where none is well-formed. */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let i = 1; i < length; i += 1) {
    if ((bytes[at + i] ?? 0) >> 6 !== 0b10) return 0;
  }
  return length;
};

/** Shorter texts among other bytes are chance. */
const shortest = 5;

/** A copy with zeros instead of everything that is no text of at least `atLeast` bytes. */
export const textOnly = (bytes: Uint8Array, atLeast = shortest): Uint8Array => {
  const text = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += 1) {
    const start = at;
    for (let length = 1; at < bytes.length && length > 0; at += length)
      length = isAscii[bytes[at]!] === 1 ? 1 : sequenceLength(bytes, at);
    if (at - start >= atLeast) text.set(bytes.subarray(start, at), start);
  }
  return text;
};

const view = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
