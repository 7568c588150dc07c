/** Level 4: stages that start no program are rerun from the experiment and from the results of the others, and must give the same. */
import fs from "node:fs";
import path from "node:path";
import { artifactOf, hashFile, treeFile } from "../../cache/Tree.ts";
import type { Node } from "../../pipelines/experiment/Node.ts";
import type { TreeFile } from "../../schemas/Artifact.ts";
import { originOf } from "../../stages/audits.ts";
import { runs } from "../../stages/runs.ts";
import type { BundleNode } from "../format/format.ts";
import type { OpenBundle } from "../format/open.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { compileNodes } from "./compiledNodes.ts";
import { directoryOf, folderOf, readContents, runFile } from "./Contents.ts";
import { rerunStage, type StageRerun } from "./rerunStage.ts";

/** A rerun's result is the input of the nodes after it; other inputs are the bundle's. */
export const verifyCheapStages = async function* (
  bundle: OpenBundle,
  scratch: string,
): AsyncGenerator<Check> {
  const contents = readContents(bundle);
  const compiling = new Findings(4, "experiment");
  const compiled = compileNodes(contents, compiling);
  if (compiled === undefined) return yield compiling.check("");
  const bundledOf = new Map(compiled.map(({ node, bundled }) => [node, bundled]));
  const rerunOf = new Map<Node, string>();
  const inputs = {
    bundledOf: (node: Node) => bundledOf.get(node)!,
    directoryOf: (node: Node) =>
      rerunOf.get(node) ?? directoryOf(contents, bundledOf.get(node)!.artifact),
  };
  // A stage's nodes come after their inputs.
  for (const [stageName, nodes] of Map.groupBy(compiled, ({ node }) => node.stageName)) {
    if (!nodes.every(({ node }) => originOf(node.stage.name) === "computed")) continue;
    const findings = new Findings(4, stageName);
    for (const each of nodes) {
      const rerun = await rerunStage(each, inputs, runs, path.join(scratch, "again"));
      if (typeof rerun === "string") {
        const message = `${each.node.name} can't be rerun`;
        const file = folderOf(each.bundled.artifact);
        findings.add({ file, expected: "its inputs", found: rerun, message });
        continue;
      }
      rerunOf.set(each.node, rerun.directory);
      await compare(each.bundled, rerun, findings);
    }
    yield findings.check(`${counted(nodes.length, "artifact")} made again`);
  }
};

const compare = async (
  bundled: BundleNode,
  { directory, files: names }: StageRerun,
  findings: Findings,
): Promise<void> => {
  const files: Array<TreeFile> = [];
  for (const name of names) {
    const file = path.join(directory, name);
    const { sha256, size } = await hashFile(file);
    files.push(treeFile(name, sha256, size, fs.statSync(file).mode));
  }
  const { digest } = artifactOf(bundled.kind, files);
  if (digest === bundled.artifact) return;
  const found = new Map(bundled.files.map((file) => [file.path, file.sha256]));
  const changed = files.filter(({ path: name, sha256 }) => found.get(name) !== sha256);
  findings.add({
    file: runFile,
    number: bundled.node,
    expected: digest,
    found: bundled.artifact,
    message: "differs from the rerun's result",
    from: changed.map(({ path: name }) => `${folderOf(bundled.artifact)}/${name}`),
  });
};
