/** Packed streams wherever they begin: behind others, and in what nobody has told of. */
import zlib from "node:zlib";
import { mostUnpacked, type Member } from "./Member.ts";

const isZlib = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x78 && ((0x78 << 8) | (bytes[at + 1] ?? 1)) % 31 === 0;

/** Whether bytes begin as something that is packed and has to be looked into by itself. */
export const beginsPacked = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x1f && bytes[1] === 0x8b) ||
  (bytes[0] === 0x28 && bytes[1] === 0xb5) ||
  (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3) ||
  isZlib(bytes, 0);

/** One that fails costs a tenth of a millisecond; what is full of beginnings holds no streams. */
const mostTries = 20_000;

const gzipStart = Buffer.from([0x1f, 0x8b, 0x08]);
/** How hard it was packed; all zlib streams begin with one of these, unless somebody has asked for a smaller window. */
const zlibStarts = [0x01, 0x5e, 0x9c, 0xda].map((second) => Buffer.from([0x78, second]));

/**
 * Streams of gzip and zlib that unpack as a whole, with the right checksum. Those that begin in `known` are looked at elsewhere, and so
 * is what pictures are made of.
 */
export const packedStreams = (
  bytes: Uint8Array,
  known: ReadonlySet<number>,
): ReadonlyArray<Member> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const members: Array<Member> = [];
  let [left, tries] = [mostUnpacked, mostTries];
  const look = (what: string, start: Buffer, deflated: (at: number) => number | undefined) => {
    for (let at = buffer.indexOf(start), next = 0; at >= 0; at = buffer.indexOf(start, next)) {
      next = at + 1;
      const from = known.has(at) ? undefined : deflated(at);
      if (from === undefined || !mayBeDeflate(buffer, from) || tries === 0) continue;
      tries -= 1;
      const found = inflated(buffer, from, left);
      if (found === undefined || !isWhole(what, buffer, found)) continue;
      left -= found.content.length;
      members.push({ place: `${what} at byte ${at}`, content: found.content });
      next = found.end;
    }
  };
  look("gzip", gzipStart, (at) => behindGzipHeader(buffer, at));
  for (const start of zlibStarts) {
    look("zlib", start, (at) =>
      buffer.toString("latin1", at - 4, at) === "IDAT" ? undefined : at + 2,
    );
  }
  return members;
};

/** Flags in the fourth byte say what stands between the ten bytes of the header and the stream. */
const behindGzipHeader = (buffer: Buffer, at: number): number | undefined => {
  const flags = buffer[at + 3] ?? 0xff;
  if (flags > 0x1f) return undefined;
  let from = at + 10;
  if ((flags & 4) !== 0) from += 2 + ((buffer[from] ?? 0) | ((buffer[from + 1] ?? 0) << 8));
  for (const named of [8, 16]) {
    if ((flags & named) === 0) continue;
    const end = buffer.indexOf(0, from);
    if (end < 0) return undefined;
    from = end + 1;
  }
  return (flags & 2) === 0 ? from : from + 2;
};

const codeLengthOrder = 19;

/** Whether the first block may be one, by its first bits: all but few of chance's beginnings are told here. */
const mayBeDeflate = (bytes: Uint8Array, from: number): boolean => {
  const bits = (at: number, count: number): number => {
    const byte = from + (at >> 3);
    const word = (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8);
    return (word >> (at & 7)) & ((1 << count) - 1);
  };
  const kind = bits(1, 2);
  if (kind === 0) {
    const [length, inverse] = [
      (bytes[from + 1] ?? 0) | ((bytes[from + 2] ?? 0) << 8),
      (bytes[from + 3] ?? 0) | ((bytes[from + 4] ?? 0) << 8),
    ];
    return (length ^ inverse) === 0xffff;
  }
  if (kind !== 2) return kind === 1;
  if (bits(3, 5) > 29 || bits(8, 5) > 29) return false;
  const count = Math.min(codeLengthOrder, bits(13, 4) + 4);
  let room = 0;
  for (let i = 0; i < count; i += 1) {
    const length = bits(17 + 3 * i, 3);
    if (length > 0) room += 128 >> length;
  }
  return room === 128;
};

interface Inflated {
  readonly content: Buffer;
  /** Behind the stream's last byte, where the checksum is. */
  readonly end: number;
}

const inflated = (buffer: Buffer, from: number, most: number): Inflated | undefined => {
  try {
    // The types leave out what `info` gives.
    const { buffer: content, engine } = zlib.inflateRawSync(buffer.subarray(from), {
      maxOutputLength: Math.max(1, most),
      info: true,
    }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    return { content, end: from + engine.bytesWritten };
  } catch {
    return undefined;
  }
};

const isWhole = (what: string, buffer: Buffer, { content, end }: Inflated): boolean =>
  end + 4 <= buffer.length &&
  (what === "gzip"
    ? buffer.readUInt32LE(end) === zlib.crc32(content)
    : buffer.readUInt32BE(end) === adler32(content));

const adler32 = (bytes: Uint8Array): number => {
  let [low, high] = [1, 0];
  for (let from = 0; from < bytes.length; from += 3800) {
    const to = Math.min(bytes.length, from + 3800);
    for (let i = from; i < to; i += 1) {
      low += bytes[i]!;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return ((high << 16) | low) >>> 0;
};
