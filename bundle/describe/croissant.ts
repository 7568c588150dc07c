/** `croissant.json`: the data sets in Croissant 1.0 with the fields on responsible use that NeurIPS requires; one record set a split. */
import { splitOfFile } from "../../kinds/Dataset.ts";
import type { Json } from "../../schemas/Digest.ts";
import type { BundleNode, BundleRun, Entry } from "../format/format.ts";
import { licensesIn } from "./terms.ts";
import { licenseId } from "./crate/Entity.ts";
import { sizeOf } from "../format/content.ts";

export interface CroissantContents {
  readonly run: BundleRun;
  readonly entries: ReadonlyArray<Entry>;
  /** ISO 8601. */
  readonly datePublished: string;
}

interface Split {
  readonly node: BundleNode;
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly entry: Entry;
}

/** Undefined where the bundle has no split of a data set. */
export const croissant = ({ run, entries, datePublished }: CroissantContents): Json | undefined => {
  const splits = splitsIn(run, entries);
  if (splits.length === 0) return undefined;
  const licenses = new Set(splits.flatMap(({ entry }) => licensesIn(entry.license)));
  return {
    "@context": context,
    "@type": "sc:Dataset",
    conformsTo: ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
    name: run.experiment,
    description: run.description ?? `Data sets of ${run.experiment}`,
    license: [...licenses].toSorted().map(licenseId),
    // A bundle has no address and, under review, no author.
    url: "README.md",
    creator: { "@type": "Organization", name: "pipe" },
    datePublished,
    version: "1.0.0",
    ...responsibleUse,
    ...provenance(splits),
    distribution: splits.map(({ path, sha256, entry }) => ({
      "@type": "cr:FileObject",
      "@id": path,
      name: path,
      contentUrl: path,
      contentSize: `${sizeOf(entry.content)} B`,
      // Croissant's readers know this name, not the registered one.
      encodingFormat: "application/x-parquet",
      sha256,
    })),
    recordSet: splits.map(recordSet),
  };
};

const splitsIn = (run: BundleRun, entries: ReadonlyArray<Entry>): ReadonlyArray<Split> => {
  const present = new Map(entries.map((entry) => [entry.path, entry]));
  const splits = new Map<string, Split>();
  for (const node of run.nodes) {
    if (node.kind !== "dataset" && node.kind !== "transcripts") continue;
    for (const { path: file, sha256 } of node.files) {
      const path = `artifacts/${node.artifact}/${file}`;
      const name = splitOfFile(file);
      const entry = present.get(`data/${path}`);
      if (name === undefined || entry === undefined || splits.has(path)) continue;
      splits.set(path, { node, name, path, sha256, entry });
    }
  }
  return [...splits.values()];
};

const recordSet = ({ node, name, path }: Split): Json => {
  const id = `${node.kind}-${node.artifact.slice(0, 12)}/${name}`;
  return {
    "@type": "cr:RecordSet",
    "@id": id,
    name: id,
    description: `Split ${name} of ${node.node}`,
    key: { "@id": `${id}/id` },
    field: columns.map(([column, description, type]) => ({
      "@type": "cr:Field",
      "@id": `${id}/${column}`,
      name: `${id}/${column}`,
      description,
      dataType: type,
      source: {
        fileObject: { "@id": path },
        extract: { column },
        ...(type === "sc:ImageObject" ? { transform: { jsonPath: "bytes" } } : {}),
      },
    })),
  };
};

/** The columns of every data set that a stage writes. */
const columns = [
  ["id", "The example, with the same id in every run.", "sc:Text"],
  ["task", "The task.", "sc:Text"],
  ["query", "The question.", "sc:Text"],
  ["image", "The picture, a PNG.", "sc:ImageObject"],
  ["ground_truth", "The instance that judges an answer, in JSON.", "sc:Text"],
  ["perception", "The content of the image, in JSON.", "sc:Text"],
  ["response", "A transcript that solves it; empty without one.", "sc:Text"],
] as const;

const responsibleUse = {
  "rai:dataCollection":
    "A program generated each example from a seed: puzzle, picture and solution. Nothing was collected.",
  "rai:dataCollectionType": ["Software Collection"],
  "rai:dataUseCases": [
    "Measuring how training divides a small vision-language model's effort between perception and reasoning.",
  ],
  "rai:dataLimitations": [
    "Synthetic pictures of one kind and size: results may not transfer to photographs, other tasks or large models.",
  ],
  "rai:dataBiases": [
    "Instances follow the generator's distribution; small tasks have few distinct instances, which repeat.",
  ],
  "rai:personalSensitiveInformation": ["None: no example concerns a person."],
  "rai:dataSocialImpact": "None known: the data are puzzles.",
  "rai:hasSyntheticData": true,
};

/** The origin of the splits in PROV. */
const provenance = (splits: ReadonlyArray<Split>): Record<string, Json> => {
  const nodes = [...new Map(splits.map(({ node }) => [node.artifact, node])).values()];
  return {
    "prov:wasDerivedFrom": "Nothing: a program generated the examples from a seed.",
    "prov:wasGeneratedBy": nodes.map(({ node, stage }) => ({
      "@type": "prov:Activity",
      name: node,
      description: `Stage ${stage} of pipe with the params in run.json`,
    })),
  };
};

/** The standard context, verbatim because readers compare it, and PROV. */
const context = {
  "@language": "en",
  "@vocab": "https://schema.org/",
  citeAs: "cr:citeAs",
  column: "cr:column",
  conformsTo: "dct:conformsTo",
  cr: "http://mlcommons.org/croissant/",
  rai: "http://mlcommons.org/croissant/RAI/",
  data: { "@id": "cr:data", "@type": "@json" },
  dataType: { "@id": "cr:dataType", "@type": "@vocab" },
  dct: "http://purl.org/dc/terms/",
  equivalentProperty: "cr:equivalentProperty",
  examples: { "@id": "cr:examples", "@type": "@json" },
  extract: "cr:extract",
  field: "cr:field",
  fileProperty: "cr:fileProperty",
  fileObject: "cr:fileObject",
  fileSet: "cr:fileSet",
  format: "cr:format",
  includes: "cr:includes",
  isLiveDataset: "cr:isLiveDataset",
  jsonPath: "cr:jsonPath",
  key: "cr:key",
  md5: "cr:md5",
  parentField: "cr:parentField",
  path: "cr:path",
  prov: "http://www.w3.org/ns/prov#",
  recordSet: "cr:recordSet",
  references: "cr:references",
  regex: "cr:regex",
  repeated: "cr:repeated",
  replace: "cr:replace",
  samplingRate: "cr:samplingRate",
  sc: "https://schema.org/",
  separator: "cr:separator",
  source: "cr:source",
  subField: "cr:subField",
  transform: "cr:transform",
};
