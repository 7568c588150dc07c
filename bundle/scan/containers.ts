/** What lies packed in other bytes. */
import { parquetMetadata } from "hyparquet";
import zlib from "node:zlib";
import { limit, mostUnpacked, unpacked, type Member } from "./Member.ts";
import { packedStreams } from "./packed.ts";
import { pictureTexts } from "./pictures.ts";

/** Each may cost as much time as the whole file has bytes. */
const mostDamaged = 20;
const mostMembers = 100_000;

const startsWith = (bytes: Uint8Array, signature: ReadonlyArray<number>, at = 0): boolean =>
  signature.every((byte, i) => bytes[at + i] === byte);

const formats: ReadonlyArray<readonly [string, ReadonlyArray<number>, number?]> = [
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["rar", [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
  ["lzip", [0x4c, 0x5a, 0x49, 0x50]],
  ["compress", [0x1f, 0x9d]],
  ["an encrypted file", [0x53, 0x61, 0x6c, 0x74, 0x65, 0x64, 0x5f, 0x5f]], // openssl enc
  ["an encrypted Parquet file", [0x50, 0x41, 0x52, 0x45]],
];

const bzip2Blocks: ReadonlyArray<ReadonlyArray<number>> = [
  [0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
  [0x17, 0x72, 0x45, 0x38, 0x50, 0x90],
];

const closed = (bytes: Uint8Array): ReadonlyArray<Member> =>
  formats
    .filter(([what, signature]) =>
      what === "bzip2"
        ? startsWith(bytes, signature) && bzip2Blocks.some((block) => startsWith(bytes, block, 4))
        : startsWith(bytes, signature),
    )
    .map(([what]) => ({
      place: what,
      content: { unreadable: `packed as ${what}, which can't be looked into` },
    }));

const gzip = (bytes: Uint8Array): ReadonlyArray<Member> =>
  startsWith(bytes, [0x1f, 0x8b, 0x08])
    ? [{ place: "gzip", content: unpacked("gzip", () => zlib.gunzipSync(bytes, limit)) }]
    : [];

const zstd = (bytes: Uint8Array): ReadonlyArray<Member> =>
  startsWith(bytes, [0x28, 0xb5, 0x2f, 0xfd])
    ? [{ place: "zstd", content: unpacked("zstd", () => zlib.zstdDecompressSync(bytes, limit)) }]
    : [];

const zlibHeader = (bytes: Uint8Array): ReadonlyArray<Member> => {
  if (bytes[0] !== 0x78 || ((bytes[0] << 8) | (bytes[1] ?? 1)) % 31 !== 0) return [];
  const content = unpacked("zlib", () => zlib.inflateSync(bytes, limit));
  // Two bytes are no signature: text may begin with `x^`.
  return "unreadable" in content ? [] : [{ place: "zlib", content }];
};

/** Every local header, also those that the directory at the end leaves out. */
const zip = (bytes: Uint8Array): ReadonlyArray<Member> => {
  const isArchive = startsWith(bytes, [0x50, 0x4b]) && [0x0403, 0x0605].includes(u16(bytes, 2));
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const members: Array<Member> = [];
  let [left, damaged] = [mostUnpacked, 0];
  for (
    let at = buffer.indexOf("PK\u0003\u0004", 0, "latin1");
    at >= 0;
    at = buffer.indexOf("PK\u0003\u0004", at + 4, "latin1")
  ) {
    if (at + 30 > buffer.length) break;
    // What begins otherwise may hold an archive, or these four bytes.
    if (!isArchive && !isZipHeader(buffer, at)) continue;
    const [flags, method, size] = [
      u16(buffer, at + 6),
      u16(buffer, at + 8),
      buffer.readUInt32LE(at + 18),
    ];
    const nameEnd = at + 30 + u16(buffer, at + 26);
    const from = nameEnd + u16(buffer, at + 28);
    const name = buffer.toString("utf8", at + 30, nameEnd);
    const rest = buffer.subarray(from);
    const member = { place: `zip at byte ${at}`, name };
    if ((flags & 1) === 1) members.push({ ...member, content: { unreadable: "encrypted" } });
    else if (method === 0) {
      const next = buffer.indexOf("PK", from, "latin1");
      const end =
        (flags & 8) === 0 && size <= rest.length ? from + size : next < 0 ? buffer.length : next;
      members.push({ ...member, content: buffer.subarray(from, end), plain: true });
      at = Math.max(at, end - 4);
    } else {
      const content = unpacked(`zip method ${method}`, () => inflateMember(method, rest, left));
      members.push({ ...member, content });
      if ("unreadable" in content) damaged += 1;
      else left -= content.length;
    }
    if (damaged > mostDamaged || members.length > mostMembers) {
      members.push({ place: "zip", content: { unreadable: "a zip archive with too much in it" } });
      break;
    }
  }
  return members;
};

/** Whether it has a version, a method and a name as programs write them. */
const isZipHeader = (buffer: Buffer, at: number): boolean => {
  const nameLength = u16(buffer, at + 26);
  return (
    u16(buffer, at + 4) < 64 &&
    [0, 8].includes(u16(buffer, at + 8)) &&
    nameLength > 0 &&
    nameLength < 1024 &&
    !buffer.subarray(at + 30, at + 30 + nameLength).includes(0)
  );
};

const inflateMember = (method: number, bytes: Uint8Array, most: number): Uint8Array => {
  if (method === 8) return zlib.inflateRawSync(bytes, { maxOutputLength: Math.max(1, most) });
  throw new Error("unknown method");
};

const u16 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

const parquet = (bytes: Uint8Array): ReadonlyArray<Member> => {
  if (!startsWith(bytes, [0x50, 0x41, 0x52, 0x31])) return [];
  const unreadable = (why: string): ReadonlyArray<Member> => [
    { place: "parquet", content: { unreadable: why } },
  ];
  try {
    const copy = bytes.buffer.slice(
      bytes.byteOffset,
      bytes.byteOffset + bytes.length,
    ) as ArrayBuffer;
    for (const { columns } of parquetMetadata(copy).row_groups) {
      for (const { meta_data: column } of columns) {
        if (column === undefined) return unreadable("a Parquet file whose columns lie elsewhere");
        if (column.codec !== "UNCOMPRESSED")
          return unreadable(`a Parquet file packed with ${column.codec}`);
        if (column.encodings.some((encoding) => encoding === "DELTA_BYTE_ARRAY"))
          return unreadable("a Parquet file whose texts are written as differences");
      }
    }
    return [];
  } catch {
    return unreadable("a Parquet file with damaged metadata");
  }
};

/** Streams of a PDF that are packed; those in other filters than Flate stay closed, so a PDF is only as open as its streams. */
const pdf = (bytes: Uint8Array): ReadonlyArray<Member> => {
  if (!startsWith(bytes, [0x25, 0x50, 0x44, 0x46, 0x2d])) return [];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const members: Array<Member> = [];
  for (let at = buffer.indexOf("stream"); at >= 0; at = buffer.indexOf("stream", at + 6)) {
    if (buffer.toString("latin1", at - 3, at) === "end") continue;
    const from = at + 6 + (buffer[at + 6] === 0x0d ? 2 : 1);
    if (buffer[from] !== 0x78) continue;
    const content = unpacked("a PDF's stream", () =>
      zlib.inflateSync(buffer.subarray(from), limit),
    );
    members.push({ place: `PDF stream at byte ${at}`, content, from });
    if ("unreadable" in content) break;
  }
  return members;
};

export const members = (bytes: Uint8Array): ReadonlyArray<Member> => {
  const told = [
    ...closed(bytes),
    ...gzip(bytes),
    ...zstd(bytes),
    ...zlibHeader(bytes),
    ...zip(bytes),
    ...parquet(bytes),
    ...pictureTexts(bytes),
    ...pdf(bytes),
  ];
  return [...told, ...packedStreams(bytes, new Set(told.map(({ from }) => from ?? 0)))];
};
