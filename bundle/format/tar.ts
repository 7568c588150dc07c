/**
 * Writes a gzipped tar archive that depends on names and contents only: no times, no owners, two modes. Headers are ustar; a long or
 * non-ASCII name and a size above eight gigabytes go into a pax record before it.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { open } from "node:fs/promises";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { contentChunks } from "./content.ts";
import type { Entry } from "./format.ts";

export type TarEntry = Pick<Entry, "path" | "content" | "executable">;

export interface Archive {
  readonly bytes: number;
  /** The digest of the archive before gzip, because gzip differs between versions of zlib. */
  readonly tarSha256: string;
}

const block = 512;
const chunkSize = 1 << 18;

/** `onWritten` reports the bytes written so far, before compression. */
export const writeTarGz = async (
  entries: Iterable<TarEntry>,
  file: string,
  onWritten: (bytes: number) => void,
): Promise<Archive> => {
  const hash = createHash("sha256");
  let bytes = 0;
  const hashed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      onWritten((bytes += chunk.length));
      done(null, chunk);
    },
  });
  await pipeline(
    Readable.from(tarChunks(entries), { objectMode: false }),
    hashed,
    zlib.createGzip({ chunkSize }),
    withoutSystem(),
    fs.createWriteStream(file),
  );
  const whole = await open(file);
  await whole.sync().finally(() => whole.close());
  return { bytes: fs.statSync(file).size, tarSha256: hash.digest("hex") };
};

/** The operating system in the gzip header; 255 means unknown. */
const systemByte = 9;

const withoutSystem = (): Transform => {
  let isFirst = true;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (isFirst) chunk[systemByte] = 255;
      isFirst = false;
      done(null, chunk);
    },
  });
};

const tarChunks = async function* (entries: Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    yield headers(entry);
    let size = 0;
    for await (const chunk of contentChunks(entry.content)) {
      size += chunk.length;
      if (chunk.length > 0) yield chunk;
    }
    if (size % block > 0) yield padding(size);
  }
  yield Buffer.alloc(2 * block);
};

const padding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block);

/** The largest number of eleven octal digits. */
const mostOctal = 8 ** 11 - 1;

const headers = (entry: TarEntry): Buffer => {
  const size = entry.content instanceof Uint8Array ? entry.content.length : entry.content.size;
  const mode = entry.executable === true ? 0o755 : 0o644;
  const place = ustarPlace(entry.path);
  const extended = [
    ...(place === undefined ? [paxRecord("path", entry.path)] : []),
    ...(size > mostOctal ? [paxRecord("size", String(size))] : []),
  ];
  const own = header({
    ...(place ?? { name: asciiOf(entry.path), prefix: "" }),
    size: size > mostOctal ? 0 : size,
    mode,
    type: "0",
  });
  if (extended.length === 0) return own;
  const records = Buffer.concat(extended);
  const before = header({
    name: "pax",
    prefix: "",
    size: records.length,
    mode: 0o644,
    type: "x",
  });
  return Buffer.concat([before, records, padding(records.length), own]);
};

/** A fallback name for readers without pax. */
const asciiOf = (path: string): string => path.replace(/[^\u0020-\u007E]/gu, "_").slice(-nameBytes);

const nameBytes = 100;
const prefixBytes = 155;

interface Place {
  readonly name: string;
  readonly prefix: string;
}

const ustarPlace = (path: string): Place | undefined => {
  if (!/^[\u0020-\u007E]*$/u.test(path)) return undefined;
  if (path.length <= nameBytes) return { name: path, prefix: "" };
  const cut = path.indexOf("/", path.length - nameBytes - 1);
  return cut < 1 || cut > prefixBytes || cut === path.length - 1
    ? undefined
    : { name: path.slice(cut + 1), prefix: path.slice(0, cut) };
};

/** The length of a record includes its own digits. */
const paxRecord = (key: string, value: string): Buffer => {
  const rest = ` ${key}=${value}\n`;
  const restBytes = Buffer.byteLength(rest);
  let length = restBytes + String(restBytes).length;
  if (restBytes + String(length).length > length) length += 1;
  return Buffer.from(`${length}${rest}`);
};

interface Fields extends Place {
  readonly size: number;
  readonly mode: number;
  readonly type: "0" | "x";
}

const header = ({ name, prefix, size, mode, type }: Fields): Buffer => {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, at: number, digits: number) =>
    bytes.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  bytes.write(name, 0, "latin1");
  octal(mode, 100, 7);
  // Owner and group.
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  bytes.write(type, 156, "latin1");
  bytes.write("ustar\u000000", 257, "latin1");
  octal(0, 329, 7);
  octal(0, 337, 7);
  bytes.write(prefix, 345, "latin1");
  // The checksum counts its own field as blanks.
  bytes.fill(" ", 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
};
