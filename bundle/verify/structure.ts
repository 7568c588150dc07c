/** Level 2: every file reads as its name requires, every referenced file is present or has a pointer, and there are no others. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import type { Kind } from "../../kinds/Kind.ts";
import { kinds } from "../../kinds/kinds.ts";
import { jsonBytes } from "../format/content.ts";
import { Allowed, type BundleRun, limits } from "../format/format.ts";
import { pageFile } from "../format/MakePage.ts";
import type { OpenBundle } from "../format/open.ts";
import { verifyArtifacts } from "./artifacts.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { decodeLock } from "./code.ts";
import * as contents from "./Contents.ts";
import { verifyCrate } from "./crateLinks.ts";

export const verifyStructure = async function* (bundle: OpenBundle): AsyncGenerator<Check> {
  const files = verifyFiles(bundle);
  yield files;
  // The other checks read these files.
  if (!files.ok) return;
  const run = contents.readRun(bundle);
  const pointers = contents.readPointers(bundle);
  yield verifyArtifacts(bundle, run, pointers);
  yield await verifyRecords(bundle, run);
  yield verifyCrate(bundle, pointers);
};

type Decode = (text: string) => unknown;

const strict = { onExcessProperty: "error" } as const;
const fromJson = <A>(schema: Schema.Codec<A, any>): Decode =>
  Schema.decodeUnknownSync(Schema.fromJsonString(schema), strict);

/** Requires the text that pipe writes, because readers disagree about repeated names in JSON. */
const canonical =
  (decode: Decode): Decode =>
  (text) => {
    const written = Buffer.from(jsonBytes(JSON.parse(text))).toString("utf8");
    if (written !== text) throw new Error("the JSON is not in the form that pipe writes");
    return decode(text);
  };

const JsonObject = Schema.Record(Schema.String, Schema.Json);

/** Facts of each machine of the run. */
const Machines = Schema.Array(Schema.Record(Schema.String, Schema.String));

const anyText: Decode = () => undefined;

const needed: Readonly<Record<string, Decode>> = {
  "bag-info.txt": anyText,
  "record/attempts.jsonl": (text) => contents.decodeAttempts(text),
  "record/machine.json": canonical(fromJson(Machines)),
  "data/README.md": anyText,
  "data/CLAIMS.json": canonical((text) => contents.decodeClaims(text)),
  "data/run.json": canonical((text) => contents.decodeRun(text)),
  "data/pointers.json": canonical((text) => contents.decodePointers(text)),
  "data/experiment.yaml": anyText,
  "data/ro-crate-metadata.json": canonical(fromJson(JsonObject)),
  "data/verify.mjs": anyText,
  [contents.lockFile]: (text) => decodeLock(text),
};

const allowed: Readonly<Record<string, Decode>> = {
  "bagit.txt": anyText,
  "manifest-sha512.txt": anyText,
  "tagmanifest-sha512.txt": anyText,
  [pageFile]: anyText,
  "data/croissant.json": canonical(fromJson(JsonObject)),
  "data/ALLOWED.json": canonical(fromJson(Allowed)),
};

/** Folders with files of any name. */
const folders = ["artifacts", "LICENSES", "cards", "environment", "source"];

const verifyFiles = (bundle: OpenBundle): Check => {
  const findings = new Findings(2, "files");
  for (const file of Object.keys(needed)) {
    if (bundle.files.has(file)) continue;
    findings.add({
      file,
      expected: "present",
      found: "absent",
      message: "every bundle has this file",
    });
  }
  for (const file of bundle.files.keys()) {
    const decode = needed[file] ?? allowed[file];
    if (decode !== undefined)
      checkDecodes(findings, file, () => decode(contents.textOf(bundle, file)));
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

const checkDecodes = (findings: Findings, file: string, decode: () => unknown): void => {
  try {
    decode();
  } catch (error) {
    const { message } = error as Error;
    findings.add({
      file,
      expected: "a file of its schema",
      found: message,
      message: "can't be read",
    });
  }
};

const lineDecoder = ({ lines, hasMoreFields }: Kind, name: string): Decode | undefined => {
  const schema = lines?.[name];
  if (schema === undefined) return undefined;
  return hasMoreFields === true
    ? Schema.decodeUnknownSync(Schema.fromJsonString(schema))
    : fromJson(schema);
};

/** Files of artifacts match the schemas of their kinds. */
const verifyRecords = async (bundle: OpenBundle, run: BundleRun): Promise<Check> => {
  const findings = new Findings(2, "records");
  let lines = 0;
  let documents = 0;
  for (const [artifact, { kinds: kindNames, files }] of contents.artifactsOf(run)) {
    const declared = [...kindNames].map((kind) => kinds[kind]);
    const isForeign = declared.every((kind) => kind.isForeign === true);
    for (const { path: name } of files) {
      const file = `${contents.folderOf(artifact)}/${name}`;
      if (!bundle.files.has(file)) continue;
      const ofLine = declared.flatMap((kind) => lineDecoder(kind, name) ?? [])[0];
      const ofFile = declared.flatMap((kind) => kind.documents?.[name] ?? []).map(fromJson)[0];
      if (name.endsWith(".gz")) await checkUnpacks(findings, bundle, file);
      else if (ofLine !== undefined)
        for (const [index, line] of readLines(findings, bundle, file).entries()) {
          lines += 1;
          checkDecodes(findings, `${file}:${index + 1}`, () => ofLine(line));
        }
      else if (ofFile !== undefined || (name.endsWith(".json") && !isForeign)) {
        documents += 1;
        checkDecodes(findings, file, () => (ofFile ?? JSON.parse)(contents.textOf(bundle, file)));
      }
    }
  }
  return findings.check(`${counted(lines, "line")}, ${counted(documents, "document")}`);
};

const readLines = (findings: Findings, bundle: OpenBundle, file: string): ReadonlyArray<string> => {
  let lines: ReadonlyArray<string> = [];
  checkDecodes(findings, file, () => (lines = contents.linesOf(contents.textOf(bundle, file))));
  return lines;
};

/** Refuses decompression bombs, so that later readers need no bound. */
const checkUnpacks = async (
  findings: Findings,
  bundle: OpenBundle,
  file: string,
): Promise<void> => {
  const source = fs.createReadStream(path.join(bundle.directory, file));
  const gunzip = zlib.createGunzip();
  source.once("error", (error) => gunzip.destroy(error)).pipe(gunzip);
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > limits.unpackedBytes)
        throw new Error(`it unpacks to more than ${limits.unpackedBytes} bytes`);
    }
  } catch (error) {
    const { message } = error as Error;
    findings.add({ file, expected: "gzipped text", found: message, message: "can't be unpacked" });
  } finally {
    source.destroy();
  }
};
