/**
 * The data sets of a run as Croissant 1.0 describes them, with the fields on responsible use that NeurIPS asks for: a record set for
 * each split that the bundle holds.
 */
import type { Json } from "../schemas/Digest.ts";
import type { BundleNode, BundleRun, Entry } from "./format.ts";
import { licensesIn } from "./terms.ts";
import { licenseId } from "./crate/Entity.ts";
import { sizeOf } from "./content.ts";

export interface Croissanted {
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

/** `croissant.json`; undefined where the bundle has no split of a data set. */
export const croissant = ({ run, entries, datePublished }: Croissanted): Json | undefined => {
  const splits = splitsIn(run, entries);
  if (splits.length === 0) return undefined;
  const licenses = new Set(splits.flatMap(({ entry }) => licensesIn(entry.license)));
  return {
    "@context": context,
    "@type": "sc:Dataset",
    conformsTo: ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
    name: run.experiment,
    description: run.description ?? `The data sets of a run of the experiment ${run.experiment}`,
    license: [...licenses].toSorted().map(licenseId),
    // The bundle has no address of its own, and in review no author.
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
      // Its registered name is another; this one Croissant's readers know.
      encodingFormat: "application/x-parquet",
      sha256,
    })),
    recordSet: splits.map(recordSet),
  };
};

const splitsIn = (run: BundleRun, entries: ReadonlyArray<Entry>): ReadonlyArray<Split> => {
  const there = new Map(entries.map((entry) => [entry.path, entry]));
  const splits = new Map<string, Split>();
  for (const node of run.nodes) {
    if (node.kind !== "dataset" && node.kind !== "transcripts") continue;
    for (const { path: file, sha256 } of node.files) {
      const path = `artifacts/${node.artifact}/${file}`;
      const name = /^data\/(.+)-\d{5}-of-\d{5}\.parquet$/u.exec(file)?.[1];
      const entry = there.get(`data/${path}`);
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
    description: `Split ${name} of what ${node.node} has made`,
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

/** Of every data set that a stage writes (`stages/Dataset.ts`). */
const columns = [
  ["id", "Names the example, in every split and run alike.", "sc:Text"],
  ["task", "Which task it is of.", "sc:Text"],
  ["query", "What is asked.", "sc:Text"],
  ["image", "What it is asked of: a PNG.", "sc:ImageObject"],
  ["ground_truth", "What an answer is judged by, in JSON.", "sc:Text"],
  ["perception", "What is to be seen in the image, in JSON.", "sc:Text"],
  ["response", "A transcript that solves it; empty where nobody has answered.", "sc:Text"],
] as const;

const responsibleUse = {
  "rai:dataCollection":
    "A program has drawn each example from a seed: puzzles, their pictures and their solutions. Nothing was collected.",
  "rai:dataCollectionType": ["Software Collection"],
  "rai:dataUseCases": [
    "Measuring how training divides a small vision-language model's effort between perception and reasoning.",
  ],
  "rai:dataLimitations": [
    "Synthetic pictures of one kind and one size: what holds here may not hold for photographs, for other tasks or for large models.",
  ],
  "rai:dataBiases": [
    "Instances follow the generator's distribution; small tasks have few distinct instances, and those come back.",
  ],
  "rai:personalSensitiveInformation": ["None: no example is of a person or says anything of one."],
  "rai:dataSocialImpact": "None is known: the data are puzzles.",
  "rai:hasSyntheticData": true,
};

/** How the splits came to be, in the words of PROV. */
const provenance = (splits: ReadonlyArray<Split>): Record<string, Json> => {
  const nodes = [...new Map(splits.map(({ node }) => [node.artifact, node])).values()];
  return {
    "prov:wasDerivedFrom": "Nothing: the examples are drawn from a seed.",
    "prov:wasGeneratedBy": nodes.map(({ node, stage }) => ({
      "@type": "prov:Activity",
      name: node,
      description: `The stage ${stage} of pipe, with the params in run.json`,
    })),
  };
};

/** The standard one, word for word, as readers compare; and PROV. */
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
