/** Checks that a model directory is complete, by its file names and the beginnings of its files. */
import { Option, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { isShard } from "./shards.ts";

const weights = ".safetensors";
const index = `${weights}.index.json`;

/** The problem, as the end of a sentence, or undefined. Throws if the directory can't be read. */
export const modelProblem = (directory: string): string | undefined => {
  if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return "it is none";
  const names = fs.readdirSync(directory).toSorted();
  if (!names.includes("config.json")) return "it has no config.json";
  // transformers puts it onto the model where PEFT is installed, and ignores it where it isn't.
  if (names.includes("adapter_config.json"))
    return "it has an adapter, adapter_config.json: merge it into the model (PEFT's merge_and_unload), or remove its files";
  const files = names.filter((name) => name.endsWith(weights));
  if (files.length === 0) return `it has no *${weights}`;
  const read = (name: string) => fs.readFileSync(path.join(directory, name), "utf8");
  const indexes = names.filter((name) => name.endsWith(index));
  return firstOf([
    () => configProblem(read("config.json")),
    ...indexes.map((name) => () => indexProblem(name, read(name), names)),
    () => shardsProblem(files, indexes),
    ...files.map((name) => () => weightsProblem(name, path.join(directory, name))),
  ]);
};

const firstOf = (looks: ReadonlyArray<() => string | undefined>): string | undefined => {
  for (const look of looks) {
    const wrong = look();
    if (wrong !== undefined) return wrong;
  }
  return undefined;
};

const Config = Schema.fromJsonString(Schema.Struct({ model_type: Schema.NonEmptyString }));
const decodeConfig = Schema.decodeUnknownOption(Config);

const configProblem = (text: string): string | undefined =>
  Option.isNone(decodeConfig(text))
    ? "its config.json is no JSON object with a model_type"
    : undefined;

const Index = Schema.fromJsonString(
  Schema.Struct({ weight_map: Schema.Record(Schema.String, Schema.String) }),
);
const decodeIndex = Schema.decodeUnknownOption(Index);

const indexProblem = (
  name: string,
  text: string,
  names: ReadonlyArray<string>,
): string | undefined => {
  const read = decodeIndex(text);
  if (Option.isNone(read)) return `its ${name} is no JSON object with a weight_map`;
  const missing = Object.values(read.value.weight_map).find((shard) => !names.includes(shard));
  return missing === undefined ? undefined : `its ${name} names ${missing}, which is not there`;
};

/** Sharded weights are found by their index; without one, transformers loads none of them. */
const shardsProblem = (
  files: ReadonlyArray<string>,
  indexes: ReadonlyArray<string>,
): string | undefined => {
  const shard = files.find(isShard);
  return shard === undefined || indexes.length > 0
    ? undefined
    : `it has ${shard}, one of several files, and no *${index} that lists them`;
};

/** The limit of safetensors itself. */
const longestHeader = 100_000_000;
const lengthBytes = 8;

const decodeHeader = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)),
);
const decodeTensors = Schema.decodeUnknownOption(
  Schema.Array(Schema.Struct({ data_offsets: Schema.Tuple([Schema.Int, Schema.Int]) })),
);

/** A safetensors file: 8 bytes with the length of the header, the header with the offsets of the tensors, the tensors. */
const weightsProblem = (name: string, file: string): string | undefined => {
  const descriptor = fs.openSync(file, "r");
  try {
    const { size } = fs.fstatSync(descriptor);
    const length = headerLength(descriptor);
    if (length === undefined || length > longestHeader || lengthBytes + length > size)
      return `its ${name} has no header: it is cut off, or not downloaded (a git clone needs \`git lfs pull\`)`;
    const text = Buffer.alloc(length);
    fs.readSync(descriptor, text, 0, length, lengthBytes);
    return headerProblem(name, text.toString("utf8"), size - lengthBytes - length);
  } finally {
    fs.closeSync(descriptor);
  }
};

const headerLength = (descriptor: number): number | undefined => {
  const buffer = Buffer.alloc(lengthBytes);
  return fs.readSync(descriptor, buffer, 0, lengthBytes, 0) === lengthBytes
    ? Number(buffer.readBigUInt64LE())
    : undefined;
};

const headerProblem = (name: string, text: string, bytes: number): string | undefined => {
  const tensors = Option.flatMap(decodeHeader(text), ({ __metadata__, ...rest }) =>
    decodeTensors(Object.values(rest)),
  );
  if (Option.isNone(tensors)) return `its ${name} has a header that can't be read`;
  const offsets = tensors.value.map(({ data_offsets }) => data_offsets);
  if (offsets.some(([begin, end]) => begin < 0 || begin > end))
    return `its ${name} has a header that can't be read`;
  const due = offsets.reduce((most, [, end]) => Math.max(most, end), 0);
  return due === bytes
    ? undefined
    : `its ${name} has ${bytes} bytes of weights where its header says ${due}`;
};
