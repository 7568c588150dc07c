/** Level 2, crate: every local id that it references has an entity, and files and entities match in both directions. */
import { Schema } from "effect";
import type { Pointer } from "../format/format.ts";
import type { OpenBundle } from "../format/open.ts";
import { type Check, Findings } from "./Check.ts";
import { crateFile, textOf } from "./Contents.ts";

const payload = "data/";

const Entity = Schema.StructWithRest(
  Schema.Struct({
    "@id": Schema.String,
    "@type": Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  }),
  [Schema.Record(Schema.String, Schema.Json)],
);
const Crate = Schema.fromJsonString(
  Schema.Struct({ "@context": Schema.Json, "@graph": Schema.Array(Entity) }),
);

type Graph = (typeof Crate.Type)["@graph"];

export const verifyCrate = (bundle: OpenBundle, pointers: ReadonlyArray<Pointer>): Check => {
  const findings = new Findings(2, "crate");
  const graph = readGraph(bundle, findings);
  checkReferences(graph, findings);
  checkFiles(bundle, pointers, graph, findings);
  const noun = graph.length === 1 ? "entity" : "entities";
  return findings.check(`${graph.length.toLocaleString("en")} ${noun}`);
};

const readGraph = (bundle: OpenBundle, findings: Findings): Graph => {
  try {
    return Schema.decodeUnknownSync(Crate)(textOf(bundle, crateFile))["@graph"];
  } catch (error) {
    const found = (error as Error).message;
    findings.add({ file: crateFile, expected: "an RO-Crate", found, message: "can't be read" });
    return [];
  }
};

const checkReferences = (graph: Graph, findings: Findings): void => {
  const ids = new Set<string>();
  const add = (number: string, expected: string, found: string, message: string) =>
    findings.add({ file: crateFile, number, expected, found, message });
  for (const { "@id": id } of graph) {
    if (ids.has(id)) add(id, "once", "twice", "several entities have this id");
    ids.add(id);
  }
  for (const entity of graph)
    for (const id of referencesIn(entity))
      if (!ids.has(id) && !isElsewhere(id))
        add(id, "described", "absent", `${entity["@id"]} references it`);
};

const checkFiles = (
  bundle: OpenBundle,
  pointers: ReadonlyArray<Pointer>,
  graph: Graph,
  findings: Findings,
): void => {
  const add = (file: string, expected: string, message: string) =>
    findings.add({ file, expected, found: "absent", message, from: [crateFile] });
  const leftOut = new Set(pointers.map(({ artifact, path }) => `artifacts/${artifact}/${path}`));
  const files = [...bundle.files.keys()].filter((file) => file.startsWith(payload));
  const folders = foldersOf([...files.map((file) => file.slice(payload.length)), ...leftOut]);
  const described = new Set([crateFile]);
  for (const { "@id": id, "@type": type } of graph) {
    const types = [type].flat();
    const name = fileNamed(id);
    if (name === undefined) continue;
    const file = `${payload}${name}`;
    if (types.includes("File")) described.add(file);
    const isPresent = types.includes("File")
      ? bundle.files.has(file) || leftOut.has(name)
      : !types.includes("Dataset") || folders.has(name.replace(/\/$/u, ""));
    if (!isPresent) add(file, "present", "the crate describes it");
  }
  for (const file of files)
    if (!described.has(file)) add(file, "described", "the crate does not describe it");
};

/** Every `{ "@id": … }` below an entity. */
const referencesIn = function* (value: unknown, isTop = true): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  if (!isTop && "@id" in value && typeof value["@id"] === "string") yield value["@id"];
  for (const inner of Object.values(value)) yield* referencesIn(inner, false);
};

/** Absolute addresses refer to things outside the bundle. */
const isElsewhere = (id: string): boolean => /^[a-z][a-z\d+.-]*:/iu.test(id);

/** The path in the payload that an id names, if any. */
const fileNamed = (id: string): string | undefined => {
  if (isElsewhere(id) || id.startsWith("#") || id.startsWith("_:")) return undefined;
  try {
    return decodeURIComponent(id.replace(/^\.\//u, ""));
  } catch {
    return id;
  }
};

/** Every folder with a file below it, the top (empty) included. */
const foldersOf = (files: ReadonlyArray<string>): ReadonlySet<string> => {
  const folders = new Set([""]);
  for (const file of files)
    for (let end = file.lastIndexOf("/"); end > 0; end = file.lastIndexOf("/", end - 1)) {
      const folder = file.slice(0, end);
      // Its parents are known, too.
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  return folders;
};
