/** The data entities of a crate: every file of the payload, its folders and artifacts, and the files left out. */
import path from "node:path";
import { inPathOrder, sizeOf } from "../../format/content.ts";
import type { BundleRun, Entry, Pointer } from "../../format/format.ts";
import { groupBy } from "../../../stats/groupBy.ts";
import { licensesIn } from "../terms.ts";
import { type Entity, fileId, inId, licenseId, references } from "./Entity.ts";

export interface CrateFiles {
  readonly entities: ReadonlyArray<Entity>;
  /** The ids at the top of the payload. */
  readonly parts: ReadonlyArray<string>;
  /** The id of an artifact of the run. */
  readonly artifactId: (digest: string) => string;
}

const payload = "data/";

export const crateFiles = (
  run: BundleRun,
  entries: ReadonlyArray<Entry>,
  pointers: ReadonlyArray<Pointer>,
): CrateFiles => {
  const digests = artifactDigests(run);
  const payloadEntries = inPathOrder(
    entries
      .filter(({ path: file }) => file.startsWith(payload))
      .map((entry) => ({ ...entry, path: entry.path.slice(payload.length) })),
  );
  const files = payloadEntries.map((entry) => fileEntity(entry, digests.get(entry.path)));
  const left = pointers.map(leftOutEntity);
  const folders = foldersOf(payloadEntries);
  const leftOf = groupBy(pointers, ({ artifact }) => artifact);
  const artifactFolder = (digest: string) => `artifacts/${digest}`;
  const artifactId = (digest: string) =>
    folders.has(artifactFolder(digest)) ? `${artifactFolder(digest)}/` : `#artifact/${digest}`;
  const artifacts = [...artifactsOf(run)].map(([digest, { nodes, kind }]): Entity => ({
    "@id": artifactId(digest),
    "@type": "Dataset",
    name: `${kind} ${digest.slice(0, 12)}`,
    description: `Result of ${nodes.join(", ")}. Its digest covers the path, content and mode of every file.`,
    identifier: digest,
    hasPart: references([
      ...(folders.get(artifactFolder(digest)) ?? []),
      ...(leftOf.get(digest) ?? []).map(leftOutId),
    ]),
  }));
  const others = [...folders].filter(
    ([folder]) => folder !== "" && !folder.startsWith("artifacts/"),
  );
  return {
    entities: [
      ...files,
      ...left,
      ...artifacts,
      ...others.map(([folder, parts]): Entity => ({
        "@id": `${folder}/`,
        "@type": "Dataset",
        name: folder,
        description: folderDescriptions[folder] ?? folder,
        hasPart: references(parts),
      })),
    ],
    parts: [
      ...(folders.get("") ?? []),
      ...artifacts.map((artifact) => artifact["@id"]),
      ...others.map(([folder]) => `${folder}/`),
    ],
    artifactId,
  };
};

/** The ids of the files by folder: `artifacts/<digest>`, another folder at the top, or the top itself (empty). */
const foldersOf = (entries: ReadonlyArray<Entry>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const folders = new Map<string, Array<string>>();
  for (const { path: file } of entries) {
    const names = file.split("/").slice(0, -1);
    const folder = names.slice(0, names[0] === "artifacts" ? 2 : 1).join("/");
    const files = folders.get(folder);
    if (files === undefined) folders.set(folder, [fileId(file)]);
    else files.push(fileId(file));
  }
  return folders;
};

/** SHA-256 of the artifacts' files by their path in the payload. */
const artifactDigests = (run: BundleRun): ReadonlyMap<string, string> =>
  new Map(
    run.nodes.flatMap(({ artifact, files }) =>
      files.map(({ path: file, sha256 }) => [`artifacts/${artifact}/${file}`, sha256] as const),
    ),
  );

const artifactsOf = (run: BundleRun) => {
  const artifacts = new Map<string, { readonly kind: string; readonly nodes: Array<string> }>();
  for (const { artifact, kind, node } of run.nodes) {
    const known = artifacts.get(artifact);
    if (known === undefined) artifacts.set(artifact, { kind, nodes: [node] });
    else known.nodes.push(node);
  }
  return artifacts;
};

const fileEntity = (
  { path: file, content, license }: Entry,
  sha256: string | undefined,
): Entity => ({
  "@id": fileId(file),
  "@type": "File",
  name: path.posix.basename(file),
  ...(file in fileDescriptions ? { description: fileDescriptions[file] ?? "" } : {}),
  ...shared(file, sizeOf(content), sha256),
  license: references(licensesIn(license).map(licenseId)),
});

/** A file left out has a local id (RO-Crate 1.2, "File Data Entity") and its place in `localPath`. */
const leftOutEntity = (pointer: Pointer): Entity => {
  const { artifact, path: file, sha256, size, why, rebuild } = pointer;
  const place = `artifacts/${artifact}/${file}`;
  return {
    "@id": leftOutId(pointer),
    "@type": "File",
    name: path.posix.basename(file),
    description: `Left out of the bundle (${why}). Rebuild it with: ${rebuild}`,
    localPath: place,
    ...shared(place, size, sha256),
  };
};

const leftOutId = ({ artifact, path: file }: Pointer): string =>
  `#left-out/${artifact}/${file.split("/").map(inId).join("/")}`;

const shared = (file: string, size: number, sha256: string | undefined) => ({
  contentSize: String(size),
  encodingFormat: mediaTypes[path.posix.extname(file)] ?? "application/octet-stream",
  ...(sha256 === undefined ? {} : { sha256 }),
});

const mediaTypes: Readonly<Record<string, string>> = {
  "": "text/plain",
  ".csv": "text/csv",
  ".gz": "application/gzip",
  ".html": "text/html",
  ".jinja": "text/plain",
  ".json": "application/json",
  ".jsonl": "application/jsonl",
  ".lock": "text/plain",
  ".md": "text/markdown",
  ".mjs": "text/javascript",
  ".parquet": "application/vnd.apache.parquet",
  ".png": "image/png",
  ".py": "text/x-python",
  ".sh": "application/x-sh",
  ".ts": "text/x-typescript",
  ".txt": "text/plain",
  ".yaml": "application/yaml",
};

const fileDescriptions: Readonly<Record<string, string>> = {
  "README.md": "The claims of the bundle and how to check them.",
  "CLAIMS.json": "Every claimed number with the command that recomputes it.",
  "croissant.json": "The data sets in Croissant 1.0.",
  "pointers.json": "The files left out, with the commands that rebuild them.",
  "ro-crate-preview.html": "The run's report: tables, figures and answers, to open in a browser.",
  "run.json": "Every node of the run with its keys and the files of its artifact.",
  "verify.mjs": "Checks the bundle; needs Node 20 or newer and nothing else.",
};

const folderDescriptions: Readonly<Record<string, string>> = {
  LICENSES: "The texts of the licences.",
  cards: "A card for each data set and each model.",
  environment: "The locked packages of the run.",
  source: "The sources of pipe, which made the run and the bundle.",
};
