/**
 * The formats that the scan reads: text, gzip, PNG, and the Parquet and safetensors files that `pipe` writes. Every other format is
 * refused, and its author allows the file by its id or leaves it out.
 */
import { parquetMetadata } from "hyparquet";
import zlib from "node:zlib";
import { textOnly, utf8Of } from "../text/encoding.ts";
import type { Part } from "./Part.ts";
import { pngStarts, readPng, startsAsPng } from "./png.ts";
import { isSafetensors, readHeader } from "./safetensors.ts";

export interface Contents {
  readonly parts: ReadonlyArray<Part>;
  /** Why parts of the file can't be scanned. */
  readonly refused: ReadonlyArray<string>;
}

/** More would not fit the memory of a laptop. */
export const mostInMemory = 1 << 30;

const startsWith = (bytes: Uint8Array, signature: string, at = 0): boolean => {
  for (let i = 0; i < signature.length; i += 1)
    if (bytes[at + i] !== signature.charCodeAt(i)) return false;
  return true;
};

/** Refused by name. A format that is missing here is refused as a binary file of unknown format, unless it looks like text. */
const refusedFormats: ReadonlyArray<readonly [name: string, signature: string, at?: number]> = [
  ["a zip archive", "PK\u0003\u0004"],
  ["a zip archive", "PK\u0005\u0006"],
  ["a tar archive", "ustar", 257],
  ["a 7z archive", "7z\u00bc\u00af\u0027\u001c"],
  ["a RAR archive", "Rar!\u001a\u0007"],
  ["a bzip2 file", "BZh91AY&SY"],
  ["an xz file", "\u00fd7zXZ\0"],
  ["a zstd file", "\u0028\u00b5\u002f\u00fd"],
  ["an lz4 file", "\u0004\u0022\u004d\u0018"],
  ["a PDF", "%PDF-"],
  ["a JPEG picture", "\u00ff\u00d8\u00ff"],
  ["a GIF picture", "GIF8"],
  ["a WebP picture", "WEBP", 8],
  ["a TIFF picture", "II*\0"],
  ["a TIFF picture", "MM\0*"],
  ["an HDF5 file", "\u0089HDF\r\n\u001a\n"],
  ["an encrypted file", "Salted__"],
  ["an encrypted Parquet file", "PARE"],
];

const refusedFormat = (bytes: Uint8Array): string | undefined =>
  refusedFormats.find(([, signature, at]) => startsWith(bytes, signature, at))?.[0];

const gzipStart = "\u001f\u008b\b";

/** Recognizes a format by its first bytes alone, as in bytes that stand encoded in a text. */
export const hasFormat = (bytes: Uint8Array): boolean =>
  startsAsPng(bytes) ||
  startsWith(bytes, gzipStart) ||
  startsWith(bytes, "PAR1") ||
  refusedFormat(bytes) !== undefined ||
  isZlib(bytes);

/** Two bytes are no signature: the stream has to unpack. */
const isZlib = (bytes: Uint8Array): boolean => {
  if (bytes[0] !== 0x78 || ((bytes[0] << 8) | (bytes[1] ?? 1)) % 31 !== 0) return false;
  try {
    zlib.inflateSync(bytes, { maxOutputLength: mostInMemory });
    return true;
  } catch {
    return false;
  }
};

const asBinary = (bytes: Uint8Array, ...refused: ReadonlyArray<string>): Contents => ({
  parts: [{ place: "", bytes: textOnly(bytes), as: "binary" }],
  refused,
});

export const contentsOf = (bytes: Uint8Array): Contents => {
  const format = refusedFormat(bytes);
  if (format !== undefined) return asBinary(bytes, format);
  if (startsWith(bytes, gzipStart)) return gzipContents(bytes);
  if (startsAsPng(bytes)) return pngContents(bytes);
  if (startsWith(bytes, "PAR1")) return parquetContents(bytes);
  if (isSafetensors(bytes)) return safetensorsContents(bytes);
  const text = utf8Of(bytes);
  return text === undefined
    ? asBinary(bytes, "a binary file of unknown format")
    : { parts: [{ place: "", bytes: text, as: "text" }], refused: [] };
};

/** Holds the file's name, among others. */
const mostOfGzipHeader = 1024;

const gzipContents = (bytes: Uint8Array): Contents => {
  try {
    // The types leave out what `info` gives.
    const { buffer, engine } = zlib.gunzipSync(bytes, {
      maxOutputLength: mostInMemory,
      info: true,
    }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    const header = { place: "gzip header", bytes: textOnly(bytes.subarray(0, mostOfGzipHeader)) };
    const behind = bytes.subarray(engine.bytesWritten);
    return {
      parts: [
        ...((bytes[3] ?? 0) === 0 ? [] : [{ ...header, as: "binary" as const }]),
        { place: "gzip", bytes: buffer, as: "file" },
        ...(behind.some((byte) => byte !== 0)
          ? [{ place: "behind gzip", bytes: behind, as: "file" as const }]
          : []),
      ],
      refused: [],
    };
  } catch {
    return asBinary(bytes, `a gzip file that does not unpack to at most ${mostInMemory >> 20} MB`);
  }
};

const pngContents = (bytes: Uint8Array): Contents => {
  const { parts, refused, end } = readPng(bytes, 0);
  const behind = bytes.subarray(end);
  return {
    parts:
      behind.length === 0 ? parts : [...parts, { place: "behind PNG", bytes: behind, as: "file" }],
    refused,
  };
};

/** Texts stand in Parquet as they are, and the pictures of a data set between them. */
const parquetContents = (bytes: Uint8Array): Contents => {
  const pictures = pngStarts(bytes).map((at) => readPng(bytes, at));
  const text = textOnly(bytes);
  for (const { start, end } of pictures) text.fill(0, start, end);
  return {
    parts: [
      { place: "", bytes: text, as: "binary" },
      ...pictures.flatMap((picture) => picture.parts),
    ],
    refused: [...closedColumns(bytes), ...new Set(pictures.flatMap(({ refused }) => refused))],
  };
};

const closedColumns = (bytes: Uint8Array): ReadonlyArray<string> => {
  try {
    const { buffer, byteOffset, length } = bytes;
    const file = buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
    const columns = parquetMetadata(file).row_groups.flatMap((group) => group.columns);
    for (const { meta_data: column } of columns) {
      if (column === undefined) return ["a Parquet file with columns in other files"];
      if (column.codec !== "UNCOMPRESSED") return [`a Parquet file packed with ${column.codec}`];
      if (column.encodings.some((encoding) => encoding === "DELTA_BYTE_ARRAY"))
        return ["a Parquet file with delta-encoded texts"];
    }
    return [];
  } catch {
    return ["a Parquet file with damaged metadata"];
  }
};

const safetensorsContents = (bytes: Uint8Array): Contents => {
  const { text, end } = readHeader(bytes);
  return end === bytes.length
    ? { parts: [{ place: "safetensors header", bytes: text, as: "text" }], refused: [] }
    : asBinary(bytes, "a safetensors file with bytes that belong to no tensor");
};
