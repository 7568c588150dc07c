/** The files of a run's artifacts: those that go along as entries, the others as pointers. */
import { Option, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { TreeFile } from "../schemas/Artifact.ts";
import { stages } from "../stages/stages.ts";
import type { BundledRun } from "./BundledRun.ts";
import type { RunNode } from "./runNodes.ts";
import { type Need, needOf, type Use } from "./chooseFiles.ts";
import { inPathOrder } from "./content.ts";
import type { Entry, Pointer } from "./format.ts";
import { licenseOf } from "./licenses.ts";
import { rebuildLine } from "./rebuildLine.ts";

export interface FileOptions {
  /** Takes model weights along. */
  readonly models: boolean;
  /** Files that are only good to have are taken while all that is taken has at most so many bytes. */
  readonly room: number;
  /** Stages, as the experiment names them, whose files are left out. */
  readonly without: ReadonlyArray<string>;
  /** SPDX identifiers of what stages, as the experiment names them, have brought in. */
  readonly licenses: ReadonlyMap<string, string>;
}

type GatheredFiles = Pick<BundledRun, "entries" | "pointers" | "digests">;

interface Candidate {
  readonly path: string;
  readonly node: RunNode;
  readonly file: TreeFile;
  readonly source: string;
  readonly need: Need;
}

export const gatherFiles = (
  nodes: ReadonlyArray<RunNode>,
  home: string,
  overrides: ReadonlyArray<string>,
  options: FileOptions,
): GatheredFiles => {
  const taken: Array<Candidate> = [];
  const left: Array<readonly [Candidate, Pointer["why"]]> = [];
  const optional: Array<Candidate> = [];
  for (const candidate of candidatesOf(nodes, home)) {
    const { node, need } = candidate;
    if (need === "weights" && !options.models) left.push([candidate, "weights"]);
    else if (options.without.includes(node.told.stageName)) left.push([candidate, "size"]);
    else if (!isThere(candidate)) left.push([candidate, "missing"]);
    else if (need === "room") optional.push(candidate);
    else taken.push(candidate);
  }
  let bytes = taken.reduce((sum, { file }) => sum + file.size, 0);
  for (const candidate of optional.toSorted((one, other) => one.file.size - other.file.size)) {
    bytes += candidate.file.size;
    if (bytes <= options.room) taken.push(candidate);
    else left.push([candidate, "size"]);
  }
  return {
    entries: inPathOrder(taken.map((candidate) => entry(candidate, options))),
    digests: new Map(taken.map(({ path, file }) => [path, file.sha256])),
    pointers: left
      .toSorted(([one], [other]) => (one.path < other.path ? -1 : 1))
      .map(([candidate, why]) => pointer(candidate, why, overrides)),
  };
};

/** Every file of every artifact once, in the order of nodes; what several nodes have made is the first one's. */
const candidatesOf = (nodes: ReadonlyArray<RunNode>, home: string): ReadonlyArray<Candidate> => {
  const uses = usesOf(nodes);
  const found = new Map<string, Candidate>();
  for (const node of nodes) {
    const { artifact, kind, files } = node.told;
    for (const file of files) {
      const target = `data/artifacts/${artifact}/${file.path}`;
      const source = path.join(home, "trees", artifact, file.path);
      const need = needOf(kind, file, uses.get(artifact) ?? unused);
      if (!found.has(target)) found.set(target, { path: target, node, file, source, need });
    }
  }
  return [...found.values()];
};

const unused: Use = { judgedSplits: new Set(), isCounted: false };

const usesOf = (nodes: ReadonlyArray<RunNode>): ReadonlyMap<string, Use> => {
  const uses = new Map<string, { judgedSplits: Set<string>; isCounted: boolean }>();
  for (const node of nodes) {
    const split = splitOf(node);
    const counts = ["scores", "table", "correlations"].includes(node.told.kind);
    for (const { told } of node.from) {
      const use = uses.get(told.artifact) ?? { judgedSplits: new Set(), isCounted: false };
      uses.set(told.artifact, use);
      if (split !== undefined) use.judgedSplits.add(split);
      use.isCounted ||= counts;
    }
  }
  return uses;
};

const Split = Schema.Struct({ split: Schema.String });
const decodeSplit = Schema.decodeUnknownOption(Split);

/** The split that a node answers, be it by default. */
const splitOf = ({ told }: RunNode): string | undefined => {
  const params: unknown = (told.keyParts as { readonly params?: unknown }).params;
  const schema = stages.get(told.stage)?.params;
  const decoded = schema === undefined ? params : decodedBy(schema, params);
  return Option.getOrUndefined(decodeSplit(decoded))?.split;
};

const decodedBy = (schema: Schema.Codec<unknown, unknown>, params: unknown): unknown =>
  Option.getOrElse(Schema.decodeUnknownOption(schema)(params), () => params);

const isThere = ({ source, file }: Candidate): boolean => {
  const stat = fs.statSync(source, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size === file.size;
};

const pointer = (
  { node, file, need }: Candidate,
  why: Pointer["why"],
  overrides: ReadonlyArray<string>,
): Pointer => ({
  artifact: node.told.artifact,
  path: file.path,
  sha256: file.sha256,
  size: file.size,
  why,
  needed: need === "claims",
  rebuild: rebuildLine(overrides, node.told.node),
});

const entry = ({ path, node, file, source }: Candidate, { licenses }: FileOptions): Entry => ({
  path,
  content: { file: source, size: file.size },
  ...(file.executable === true ? { executable: true } : {}),
  license: licenseOf(node, licenses),
});
