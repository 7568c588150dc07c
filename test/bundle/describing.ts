/** Recomputes the files that describe a bundle from the rest of it, as the writer does and as a careful forger would. */
import { Effect } from "effect";
import { claimingNodes } from "../../bundle/describe/claims.ts";
import { readme } from "../../bundle/describe/readme.ts";
import { runNodes } from "../../bundle/describe/runNodes.ts";
import {
  bundleFormat,
  type BundleRun,
  type Entry,
  type Pointer,
} from "../../bundle/format/format.ts";
import { crateEntry, descriptions } from "../../bundle/write/bundleEntries.ts";
import { licenseEntries, verifierLicense } from "../../bundle/write/licenses.ts";
import { fileBytes, type Files, textIn } from "./archives.ts";

const describing = /^data\/(?:cards\/|LICENSES\/|(?:README\.md|CLAIMS\.json|croissant\.json)$)/u;
const crateFile = "data/ro-crate-metadata.json";

/** With every description recomputed. */
export const described = (files: Files): Files => {
  const { run, pointers } = recordsIn(files);
  const nodes = runNodes(run);
  const claiming = claimingNodes(run, nodes, (file) =>
    files.has(file) ? textIn(files, file) : undefined,
  );
  const claims = { format: bundleFormat, claims: claiming.flatMap((node) => node.claims) };
  const rest = [...files].filter(([file]) => !describing.test(file) && file !== crateFile);
  const page = fileBytes(readme({ run, nodes, pointers, claiming }));
  const entries = entriesOf([
    ...rest,
    ["data/README.md", page],
    ["data/CLAIMS.json", fileBytes(claims)],
  ]);
  const more = [...entries, ...descriptions({ run, entries }, undefined)];
  return crated(filesOf([...more, ...Effect.runSync(licenseEntries(more))]));
};

/** With the crate recomputed. */
export const crated = (files: Files): Files => {
  const entries = entriesOf([...files].filter(([file]) => file !== crateFile));
  return filesOf([...entries, crateEntry(recordsIn(files), entries, undefined)]);
};

const recordsIn = (files: Files) => ({
  run: JSON.parse(textIn(files, "data/run.json")) as BundleRun,
  pointers: JSON.parse(textIn(files, "data/pointers.json")) as ReadonlyArray<Pointer>,
});

const entriesOf = (files: Iterable<readonly [string, Uint8Array]>): ReadonlyArray<Entry> => {
  const all = new Map(files);
  const models = recordsIn(all).run.nodes.filter(({ kind }) => kind === "model");
  const ours = [
    "data/source/",
    "data/environment/",
    ...models.map(({ artifact }) => `data/artifacts/${artifact}/`),
  ];
  return [...all].map(([file, content]) => ({
    path: file,
    content,
    license:
      file === "data/verify.mjs"
        ? verifierLicense()
        : ours.some((folder) => file.startsWith(folder))
          ? "MIT"
          : "CC0-1.0",
  }));
};

const filesOf = (entries: ReadonlyArray<Entry>): Files =>
  new Map(entries.map(({ path: file, content }) => [file, content as Uint8Array]));
