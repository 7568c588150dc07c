/** The RO-Crate: whatever it speaks of by a local name is described in it, each file it describes is there, and it describes each. */
import { Schema } from "effect";
import type { Pointer } from "../format.ts";
import type { OpenBundle } from "../open.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { crateFile, textOf } from "./Contents.ts";

const payload = "data/";
const isPayload = (file: string): boolean => file.startsWith(payload);

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

export const verifyCrate = (bundle: OpenBundle, pointers: ReadonlyArray<Pointer>): Check => {
  const findings = new Findings(2, "crate");
  let graph: (typeof Crate.Type)["@graph"] = [];
  try {
    graph = Schema.decodeUnknownSync(Crate)(textOf(bundle, crateFile))["@graph"];
  } catch (error) {
    const { message } = error as Error;
    findings.add({
      file: crateFile,
      expected: "an RO-Crate",
      found: message,
      message: "can't be read",
    });
  }
  const ids = new Set<string>();
  for (const { "@id": id } of graph) {
    if (ids.has(id))
      findings.add({
        file: crateFile,
        number: id,
        expected: "once",
        found: "twice",
        message: "is described",
      });
    ids.add(id);
  }
  for (const entity of graph)
    for (const id of referencesIn(entity))
      if (!ids.has(id) && !isElsewhere(id))
        findings.add({
          file: crateFile,
          number: id,
          expected: "described",
          found: "absent",
          message: `${entity["@id"]} speaks of it`,
        });
  const leftOut = new Set(pointers.map(({ artifact, path }) => `artifacts/${artifact}/${path}`));
  const folders = foldersOf([
    ...[...bundle.files.keys()].filter(isPayload).map((file) => file.slice(payload.length)),
    ...leftOut,
  ]);
  const described = new Set([crateFile]);
  for (const { "@id": id, "@type": type } of graph) {
    const types = [type].flat();
    const name = fileNamed(id);
    if (name === undefined) continue;
    if (types.includes("File")) described.add(`${payload}${name}`);
    const isThere = types.includes("File")
      ? bundle.files.has(`${payload}${name}`) || leftOut.has(name)
      : !types.includes("Dataset") || folders.has(name.replace(/\/$/u, ""));
    if (!isThere)
      findings.add({
        file: `${payload}${name}`,
        expected: "present",
        found: "absent",
        message: "the crate describes it",
        from: [crateFile],
      });
  }
  for (const file of bundle.files.keys())
    if (isPayload(file) && !described.has(file))
      findings.add({
        file,
        expected: "described",
        found: "absent",
        message: "the crate says nothing of it",
        from: [crateFile],
      });
  return findings.check(counted(graph.length, "entity").replace("entitys", "entities"));
};

/** `{ "@id": … }` wherever it stands below an entity. */
function* referencesIn(value: unknown, isTop = true): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  if (!isTop && "@id" in value && typeof value["@id"] === "string") yield value["@id"];
  for (const inner of Object.values(value)) yield* referencesIn(inner, false);
}

/** Absolute addresses mean things of the world outside. */
const isElsewhere = (id: string): boolean => /^[a-z][a-z\d+.-]*:/iu.test(id);

/** The path in the payload that an id means; undefined where it means no file. */
const fileNamed = (id: string): string | undefined => {
  if (isElsewhere(id) || id.startsWith("#") || id.startsWith("_:")) return undefined;
  try {
    return decodeURIComponent(id.replace(/^\.\//u, ""));
  } catch {
    return id;
  }
};

/** Every folder that something lies in, the top (empty) among them. */
const foldersOf = (files: ReadonlyArray<string>): ReadonlySet<string> => {
  const folders = new Set([""]);
  for (const file of files)
    for (let end = file.lastIndexOf("/"); end > 0; end = file.lastIndexOf("/", end - 1)) {
      const folder = file.slice(0, end);
      // Those above it are known with it.
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  return folders;
};
