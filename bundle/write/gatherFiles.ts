/** Decides which files of a run's artifacts a bundle takes; the others get pointers. */
import type { Need, Use } from "../../kinds/Kind.ts";
import { kinds } from "../../kinds/kinds.ts";
import { Option, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { treeDirectory } from "../../cache/Trees.ts";
import type { TreeFile } from "../../schemas/Artifact.ts";
import { audits } from "../../stages/audits.ts";
import { numberRuns } from "../../stages/numberRuns.ts";
import type { GatheredRun } from "./GatheredRun.ts";
import type { RunNode } from "../describe/runNodes.ts";
import { inPathOrder } from "../format/content.ts";
import type { Entry, Pointer } from "../format/format.ts";
import { licenseOf } from "./licenses.ts";
import { rebuildLine } from "../describe/rebuildLine.ts";
import type { Overrides } from "../../schemas/Overrides.ts";

export interface FileOptions {
  /** Includes model weights. */
  readonly models: boolean;
  /** Optional files are taken, smallest first, up to this total of bytes. */
  readonly room: number;
  /** Stages, by the experiment's names, whose files are left out. */
  readonly without: ReadonlyArray<string>;
  /** SPDX identifiers of stages' files, by the experiment's names. */
  readonly licenses: ReadonlyMap<string, string>;
}

type GatheredFiles = Pick<GatheredRun, "entries" | "pointers" | "digests">;

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
  overrides: Overrides,
  options: FileOptions,
): GatheredFiles => {
  const taken: Array<Candidate> = [];
  const left: Array<readonly [Candidate, Pointer["why"]]> = [];
  const optional: Array<Candidate> = [];
  for (const candidate of candidatesOf(nodes, home)) {
    const { node, need } = candidate;
    if (need === "weights" && !options.models) left.push([candidate, "weights"]);
    else if (options.without.includes(node.bundled.stageName)) left.push([candidate, "size"]);
    else if (!isStored(candidate)) left.push([candidate, "missing"]);
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

/** Every file of every artifact once; an artifact of several nodes belongs to the first. */
const candidatesOf = (nodes: ReadonlyArray<RunNode>, home: string): ReadonlyArray<Candidate> => {
  const uses = usesOf(nodes);
  const found = new Map<string, Candidate>();
  for (const node of nodes) {
    const { artifact, kind, files } = node.bundled;
    for (const file of files) {
      const target = `data/artifacts/${artifact}/${file.path}`;
      const source = path.join(treeDirectory(home, artifact), file.path);
      const need = kinds[kind].need(file, uses.get(artifact) ?? unused);
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
    const counts = numberRuns.has(node.bundled.stage);
    for (const { bundled } of node.from) {
      const use = uses.get(bundled.artifact) ?? { judgedSplits: new Set(), isCounted: false };
      uses.set(bundled.artifact, use);
      if (split !== undefined) use.judgedSplits.add(split);
      use.isCounted ||= counts;
    }
  }
  return uses;
};

/** The split that a node answers. */
const splitOf = ({ bundled }: RunNode): string | undefined => {
  const audit = audits.get(bundled.stage);
  if (audit?.examples === undefined) return undefined;
  const { params = {} } = bundled.keyParts as { readonly params?: unknown };
  // A key leaves out params such as addresses, without which the schema may refuse it.
  const decoded = Schema.decodeUnknownOption(audit.stage.params)(params);
  return audit.examples(Option.getOrElse(decoded, () => params)).split as string | undefined;
};

const isStored = ({ source, file }: Candidate): boolean => {
  const stat = fs.statSync(source, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size === file.size;
};

const pointer = (
  { node, file, need }: Candidate,
  why: Pointer["why"],
  overrides: Overrides,
): Pointer => ({
  artifact: node.bundled.artifact,
  path: file.path,
  sha256: file.sha256,
  size: file.size,
  why,
  needed: need === "claims",
  rebuild: rebuildLine(overrides, node.bundled.node),
});

const entry = ({ path, node, file, source }: Candidate, { licenses }: FileOptions): Entry => ({
  path,
  content: { file: source, size: file.size },
  ...(file.executable === true ? { executable: true } : {}),
  license: licenseOf(node, licenses),
});
