/** Level 2: every file is what its name says, everything that is spoken of is there or left out openly, and nothing else is. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { Correlations } from "../../schemas/Correlation.ts";
import { Rollout } from "../../schemas/Rollout.ts";
import { ScoreLine } from "../../schemas/ScoreLine.ts";
import { Table } from "../../schemas/Table.ts";
import { jsonBytes } from "../content.ts";
import { Allowed, type BundleRun, limits } from "../format.ts";
import type { OpenBundle } from "../open.ts";
import { verifyArtifacts } from "./artifacts.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { decodeLock } from "./code.ts";
import * as contents from "./Contents.ts";
import { verifyCrate } from "./crate.ts";

export async function* verifyStructure(bundle: OpenBundle): AsyncGenerator<Check> {
  const files = verifyFiles(bundle);
  yield files;
  // The rest reads them.
  if (!files.ok) return;
  const run = contents.readRun(bundle);
  const pointers = contents.readPointers(bundle);
  yield verifyArtifacts(bundle, run, pointers);
  yield await verifyRecords(bundle, run);
  yield verifyCrate(bundle, pointers);
}

type Decode = (text: string) => unknown;

const strict = { onExcessProperty: "error" } as const;
const fromJson = <A>(schema: Schema.Codec<A, any>): Decode =>
  Schema.decodeUnknownSync(Schema.fromJsonString(schema), strict);

/** Written as pipe writes JSON: a name that stands there twice would be read one way here and another way there. */
const inOneWay =
  (decode: Decode): Decode =>
  (text) => {
    const written = Buffer.from(jsonBytes(JSON.parse(text))).toString("utf8");
    if (written !== text) throw new Error("it is not written as pipe writes JSON");
    return decode(text);
  };

const JsonObject = Schema.Record(Schema.String, Schema.Json);

/** The facts of each machine that the run was on. */
const Machines = Schema.Array(Schema.Record(Schema.String, Schema.String));

const anyText: Decode = () => undefined;

const needed: Readonly<Record<string, Decode>> = {
  "bag-info.txt": anyText,
  "record/attempts.jsonl": (text) => contents.decodeAttempts(text),
  "record/machine.json": inOneWay(fromJson(Machines)),
  "data/README.md": anyText,
  "data/CLAIMS.json": inOneWay((text) => contents.decodeClaims(text)),
  "data/run.json": inOneWay((text) => contents.decodeRun(text)),
  "data/pointers.json": inOneWay((text) => contents.decodePointers(text)),
  "data/experiment.yaml": anyText,
  "data/ro-crate-metadata.json": inOneWay(fromJson(JsonObject)),
  "data/verify.mjs": anyText,
  [contents.lockFile]: (text) => decodeLock(text),
};

const allowed: Readonly<Record<string, Decode>> = {
  "bagit.txt": anyText,
  "manifest-sha512.txt": anyText,
  "tagmanifest-sha512.txt": anyText,
  "data/croissant.json": inOneWay(fromJson(JsonObject)),
  "data/ALLOWED.json": inOneWay(fromJson(Allowed)),
};

/** Whose names are their own; what is in the artifacts is looked at apart. */
const folders = ["artifacts", "LICENSES", "cards", "environment", "source"];

const verifyFiles = (bundle: OpenBundle): Check => {
  const findings = new Findings(2, "files");
  for (const file of Object.keys(needed)) {
    if (bundle.files.has(file)) continue;
    findings.add({ file, expected: "present", found: "absent", message: "every bundle has it" });
  }
  for (const file of bundle.files.keys()) {
    const decode = needed[file] ?? allowed[file];
    if (decode !== undefined)
      decodable(findings, file, () => decode(contents.textOf(bundle, file)));
    else if (!folders.some((folder) => file.startsWith(`data/${folder}/`)))
      findings.add({
        file,
        expected: "absent",
        found: "present",
        message: "no bundle has such a file",
      });
  }
  return findings.check(counted(bundle.files.size, "file"));
};

const decodable = (findings: Findings, file: string, decode: () => unknown): void => {
  try {
    decode();
  } catch (error) {
    const { message } = error as Error;
    findings.add({
      file,
      expected: "what its schema says",
      found: message,
      message: "can't be read",
    });
  }
};

const Prediction = Schema.Struct({
  id: Schema.String,
  mode: ScoreLine.fields.mode,
  response: Schema.String,
});

const lineSchemas: Readonly<Record<string, Decode>> = {
  "scores/scores.jsonl": fromJson(ScoreLine),
  // A trainer may say more of an answer than is judged.
  "predictions/predictions.jsonl": Schema.decodeUnknownSync(Schema.fromJsonString(Prediction)),
  "rollouts/rollouts.jsonl": Schema.decodeUnknownSync(Schema.fromJsonString(Rollout)),
};

const fileSchemas: Readonly<Record<string, Decode>> = {
  "table/table.json": fromJson(Table),
  "correlations/correlations.json": fromJson(Correlations),
};

/** Whose files anybody may have made: nothing is known of them. */
const foreign = new Set(["files", "model"]);

/** What the stages have written reads as what they write. */
const verifyRecords = async (bundle: OpenBundle, run: BundleRun): Promise<Check> => {
  const findings = new Findings(2, "records");
  let lines = 0;
  let documents = 0;
  for (const [artifact, { kinds, files }] of contents.artifactsOf(run)) {
    const schemaOf = (schemas: Readonly<Record<string, Decode>>, name: string) =>
      [...kinds].flatMap((kind) => schemas[`${kind}/${name}`] ?? [])[0];
    const isForeign = [...kinds].every((kind) => foreign.has(kind));
    for (const { path: name } of files) {
      const file = `${contents.folderOf(artifact)}/${name}`;
      if (!bundle.files.has(file)) continue;
      const ofLine = schemaOf(lineSchemas, name);
      const ofFile = schemaOf(fileSchemas, name);
      if (name.endsWith(".gz")) await unpackable(findings, bundle, file);
      else if (ofLine !== undefined)
        for (const [index, line] of readLines(findings, bundle, file).entries()) {
          lines += 1;
          decodable(findings, `${file}:${index + 1}`, () => ofLine(line));
        }
      else if (ofFile !== undefined || (name.endsWith(".json") && !isForeign)) {
        documents += 1;
        decodable(findings, file, () => (ofFile ?? JSON.parse)(contents.textOf(bundle, file)));
      }
    }
  }
  return findings.check(`${counted(lines, "line")}, ${counted(documents, "document")}`);
};

const readLines = (findings: Findings, bundle: OpenBundle, file: string): ReadonlyArray<string> => {
  let lines: ReadonlyArray<string> = [];
  decodable(findings, file, () => (lines = contents.linesOf(contents.textOf(bundle, file))));
  return lines;
};

/** A packed file is no bomb: what reads it later need not count. */
const unpackable = async (findings: Findings, bundle: OpenBundle, file: string): Promise<void> => {
  const source = fs.createReadStream(path.join(bundle.directory, file));
  const gunzip = zlib.createGunzip();
  source.once("error", (error) => gunzip.destroy(error)).pipe(gunzip);
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > limits.unpackedBytes) throw new Error("it unpacks to too much");
    }
  } catch (error) {
    const { message } = error as Error;
    findings.add({ file, expected: "packed text", found: message, message: "can't be unpacked" });
  } finally {
    source.destroy();
  }
};
