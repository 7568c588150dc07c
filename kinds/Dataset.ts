/**
 * Kind `dataset`: Parquet in the Hub's layout, which `datasets.load_dataset(directory)` reads, with a card.
 *
 * `data/<split>-00000-of-00001.parquet`, row groups of a thousand rows, uncompressed (PNGs don't shrink).
 */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { SplitReport } from "../tasks/split.ts";
import { inTurns } from "./inTurns.ts";
import type { Kind } from "./Kind.ts";
import { tableOfShard } from "./shards.ts";

/** One example. `ground_truth` and `perception` are JSON; `response` is empty except in transcripts. */
export interface DatasetRow {
  readonly id: string;
  readonly task: string;
  readonly query: string;
  readonly image: { readonly bytes: Uint8Array; readonly path: string };
  readonly ground_truth: string;
  readonly perception: string;
  readonly response: string;
}

const textColumns = ["id", "task", "query", "ground_truth", "perception", "response"] as const;
const rowsPerGroup = 1000;

// All columns are nullable: `datasets` recognises a picture only in a column of exactly this type.
const text = (name: string) =>
  ({ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" }) as const;

const schema = [
  { name: "root", num_children: 7 },
  text("id"),
  text("task"),
  text("query"),
  { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
  { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
  text("path"),
  text("ground_truth"),
  text("perception"),
  text("response"),
] as const;

const stringFeature = { dtype: "string", _type: "Value" };

/** By this metadata `datasets` knows that `image` is a picture. */
const huggingfaceFeatures = JSON.stringify({
  info: {
    features: {
      id: stringFeature,
      task: stringFeature,
      query: stringFeature,
      image: { _type: "Image" },
      ground_truth: stringFeature,
      perception: stringFeature,
      response: stringFeature,
    },
  },
});

/** How the file of a split ends that is written here: in one shard. */
const onlyShard = "-00000-of-00001.parquet";

export const splitFile = (directory: string, split: string): string =>
  path.join(directory, "data", `${split}${onlyShard}`);

/** The id of an example begins with its split. */
export const exampleId = (split: string, index: number): string =>
  `${split}-${String(index).padStart(6, "0")}`;

export const splitOfExample = (id: string): string => id.replace(/-\d+$/u, "");

/** The split of a file, by its path in the artifact. Other programs write a split in several files. */
export const splitOfFile = (file: string): string | undefined =>
  file.startsWith("data/") ? tableOfShard(file.slice("data/".length)) : undefined;

/** The number of instances of each split, and of those that two splits share. */
export const writeSplitsReport = (directory: string, report: SplitReport): void =>
  fs.writeFileSync(path.join(directory, "splits.json"), `${JSON.stringify(report, null, 2)}\n`);

/** Judged splits are needed to recompute scores. */
export const needOfSplits: Kind["need"] = (file, { judgedSplits }) => {
  const split = splitOfFile(file.path);
  if (split === undefined) return "context";
  return judgedSplits.has(split) ? "claims" : "room";
};

export const dataset: Kind = { name: "dataset", need: needOfSplits };

/** Writes one split, a row group at a time. */
export class SplitWriter {
  private readonly writer: ParquetWriter;
  private pending: Array<DatasetRow> = [];

  constructor(directory: string, split: string) {
    fs.mkdirSync(path.join(directory, "data"), { recursive: true });
    this.writer = new ParquetWriter({
      writer: fileWriter(splitFile(directory, split)),
      schema: [...schema],
      codec: "UNCOMPRESSED",
      statistics: false,
      createdBy: "pipe",
      kvMetadata: [{ key: "huggingface", value: huggingfaceFeatures }],
    });
  }

  add(row: DatasetRow) {
    this.pending.push(row);
    if (this.pending.length === rowsPerGroup) this.flush();
  }

  finish() {
    this.flush();
    this.writer.finish();
  }

  private flush() {
    if (this.pending.length === 0) return;
    const column = <K extends keyof DatasetRow>(name: K) => ({
      name,
      data: this.pending.map((row) => row[name]),
    });
    const columnData = [
      column("id"),
      column("task"),
      column("query"),
      column("image"),
      column("ground_truth"),
      column("perception"),
      column("response"),
    ];
    this.writer.write({ columnData, rowGroupSize: rowsPerGroup });
    this.pending = [];
  }
}

export const splitsOf = (directory: string): ReadonlyArray<string> =>
  fs
    .readdirSync(path.join(directory, "data"))
    .filter((name) => name.endsWith(onlyShard))
    .map((name) => name.slice(0, -onlyShard.length));

/** Calls `each` for the rows of a split in order, with one row group in memory; `images: false` skips the pictures. */
export const eachRow = Effect.fnUntraced(function* (
  directory: string,
  split: string,
  options: { readonly images: boolean },
  each: (row: DatasetRow) => void,
  progress: (done: number, total: number) => Effect.Effect<void> = () => Effect.void,
) {
  const file = yield* Effect.promise(() => asyncBufferFromFile(splitFile(directory, split)));
  const metadata = yield* Effect.promise(() => parquetMetadataAsync(file));
  const columns = options.images ? [...textColumns, "image"] : [...textColumns];
  const total = Number(metadata.num_rows);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const start = rowStart;
    const rowEnd = start + Number(group.num_rows);
    const wanted = { file, metadata, columns, rowStart: start, rowEnd, utf8: false };
    const rows = (yield* Effect.promise(() => parquetReadObjects(wanted))) as Array<DatasetRow>;
    yield* inTurns(
      rows.length,
      (index) => each(rows[index] as DatasetRow),
      (done) => progress(start + done, total),
    );
    rowStart = rowEnd;
  }
});

/** The columns by which a response is judged. */
export type Truth = Pick<DatasetRow, "task" | "ground_truth" | "perception">;

/** The truths of a split by id, in order; with `limit`, of its first rows. */
export const readTruths = Effect.fnUntraced(function* (
  directory: string,
  split: string,
  limit: number | null = null,
) {
  const truths = new Map<string, Truth>();
  yield* eachRow(directory, split, { images: false }, (row) => {
    const { id, task, ground_truth, perception } = row;
    if (limit === null || truths.size < limit) truths.set(id, { task, ground_truth, perception });
  });
  return truths as ReadonlyMap<string, Truth>;
});

export interface Card {
  readonly title: string;
  readonly about: ReadonlyArray<string>;
  readonly splits: ReadonlyArray<string>;
}

/** The dataset card, which also maps files to splits. */
export const writeCard = (directory: string, { title, about, splits }: Card) => {
  const files = splits.flatMap((split) => [
    `      - split: ${split}`,
    `        path: data/${split}-*.parquet`,
  ]);
  const header = [
    "---",
    "configs:",
    "  - config_name: default",
    "    data_files:",
    ...files,
    "---",
  ];
  fs.writeFileSync(
    path.join(directory, "README.md"),
    [...header, "", `# ${title}`, "", ...about, ""].join("\n"),
  );
};
