/** Rows of published data sets: Parquet with the columns `query`, `image`, `ground_truth` and `response`. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { Effect, Option, Schema } from "effect";
import zlib from "node:zlib";
import { inTurns } from "./inTurns.ts";

/** A text, a JSON value, or null where the column is missing or empty. */
export interface PublishedRow {
  readonly query: string;
  readonly image: { readonly bytes: Uint8Array; readonly path: string | null };
  readonly ground_truth: unknown;
  readonly response: string;
}

const columns = ["query", "image", "ground_truth", "response"];

const Text = Schema.NullOr(Schema.String);
const Row = Schema.Struct({
  query: Text,
  image: Schema.Struct({ bytes: Schema.Uint8Array, path: Schema.optionalKey(Text) }),
  ground_truth: Schema.Unknown,
  response: Schema.optionalKey(Text),
});
const decodeRow = Schema.decodeUnknownOption(Row);

/** hyparquet itself reads uncompressed and Snappy pages. */
const compressors = {
  GZIP: (page: Uint8Array) => zlib.gunzipSync(page),
  ZSTD: (page: Uint8Array) => zlib.zstdDecompressSync(page),
  BROTLI: (page: Uint8Array) => zlib.brotliDecompressSync(page),
};

/** The file has another form; the message ends a sentence. */
export class OtherForm extends Schema.TaggedError<OtherForm>()("OtherForm", {
  message: Schema.String,
}) {}

/** Calls `each` for the rows of a file in order, with one row group in memory. */
export const eachPublishedRow = Effect.fnUntraced(function* (
  name: string,
  each: (row: PublishedRow) => void,
) {
  const unreadable = (cause: unknown) =>
    new OtherForm({ message: `can't be read as Parquet: ${(cause as Error).message}` });
  const { file, metadata } = yield* Effect.tryPromise({
    try: async () => {
      const opened = await asyncBufferFromFile(name);
      return { file: opened, metadata: await parquetMetadataAsync(opened) };
    },
    catch: unreadable,
  });
  const there = metadata.schema.map((element) => element.name);
  const missing = columns.filter((column) => column !== "response" && !there.includes(column));
  if (missing.length > 0)
    return yield* new OtherForm({
      message: `has no column ${missing.join(", ")}${there.includes("messages") ? ": it has chats for LLaMA-Factory, whose answers nobody could check" : ""}`,
    });
  const wanted = columns.filter((column) => there.includes(column));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const start = rowStart;
    const rowEnd = start + Number(group.num_rows);
    const range = { rowStart: start, rowEnd, columns: wanted, utf8: false };
    const rows = yield* Effect.tryPromise({
      try: () => parquetReadObjects({ file, metadata, compressors, ...range }),
      catch: unreadable,
    });
    const decoded = rows.map((row) => Option.getOrUndefined(decodeRow(row)));
    const other = decoded.indexOf(undefined);
    if (other >= 0)
      return yield* new OtherForm({
        message: `has another form in row ${start + other + 1}: query and response are texts, image has bytes`,
      });
    yield* inTurns(
      decoded.length,
      (index) => each(publishedRow(decoded[index]!)),
      () => Effect.void,
    );
    rowStart = rowEnd;
  }
});

const publishedRow = ({ query, image, ground_truth, response }: typeof Row.Type): PublishedRow => ({
  query: query ?? "",
  image: { bytes: image.bytes, path: image.path ?? null },
  ground_truth: withoutBigInts(ground_truth),
  response: response ?? "",
});

/** The numbers of a ground truth that is a struct: Parquet's whole ones of 64 bits are read as BigInt, which JSON doesn't have. */
const withoutBigInts = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(withoutBigInts);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, withoutBigInts(field)]),
  );
};
