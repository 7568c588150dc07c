/** Level 4: the stages that cost little are made again from nothing but the experiment and what was expensive, and come out the same. */
import fs from "node:fs";
import path from "node:path";
import { artifactOf, hashFile, treeFile } from "../../cache/Tree.ts";
import type { TreeFile } from "../../schemas/Artifact.ts";
import type { Stage } from "../../stages/Stage.ts";
import type { BundleNode } from "../format.ts";
import type { OpenBundle } from "../open.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { directoryOf, folderOf, readContents, runFile } from "./Contents.ts";
import { place, type Placed } from "./placed.ts";
import { remake, type Remade } from "./remake.ts";

/** They run in this process, on nothing but their inputs. */
const isCheap = ({ trainer, sources }: Stage): boolean =>
  trainer === undefined && sources === undefined;

/** What is made again is the input of what comes after it; everything else is taken from the bundle. */
export async function* verifyAgain(bundle: OpenBundle, scratch: string): AsyncGenerator<Check> {
  const contents = readContents(bundle);
  const placing = new Findings(4, "experiment");
  const placed = place(contents, placing);
  if (placed === undefined) return yield placing.check("");
  const bundledOf = new Map(placed.map(({ node, bundled }) => [node, bundled]));
  const made = new Map<Placed["node"], string>();
  const inputs = {
    bundledOf: (node: Placed["node"]) => bundledOf.get(node)!,
    directoryOf: (node: Placed["node"]) =>
      made.get(node) ?? directoryOf(contents, bundledOf.get(node)!.artifact),
  };
  // A stage's nodes come after what they take from.
  const stages = Map.groupBy(placed, ({ node }) => node.stageName);
  for (const [stageName, nodes] of stages) {
    if (!nodes.every(({ node }) => isCheap(node.stage))) continue;
    const findings = new Findings(4, stageName);
    for (const each of nodes) {
      const remade = await remake(each, inputs, path.join(scratch, "again"));
      if (typeof remade === "string") {
        const message = `${each.node.name} can't be made again`;
        const file = folderOf(each.bundled.artifact);
        findings.add({ file, expected: "what it is made of", found: remade, message });
        continue;
      }
      made.set(each.node, remade.directory);
      await compare(each.bundled, remade, findings);
    }
    yield findings.check(`${counted(nodes.length, "artifact")} made again`);
  }
}

const compare = async (bundled: BundleNode, remade: Remade, findings: Findings): Promise<void> => {
  const files: Array<TreeFile> = [];
  for (const name of remade.files) {
    const file = path.join(remade.directory, name);
    const { sha256, size } = await hashFile(file);
    files.push(treeFile(name, sha256, size, fs.statSync(file).mode));
  }
  const { digest } = artifactOf(bundled.kind, files);
  if (digest === bundled.artifact) return;
  const found = new Map(bundled.files.map((file) => [file.path, file.sha256]));
  const other = files.filter(({ path: name, sha256 }) => found.get(name) !== sha256);
  findings.add({
    file: runFile,
    number: bundled.node,
    expected: digest,
    found: bundled.artifact,
    message: "comes out otherwise when it is made again",
    from: other.map(({ path: name }) => `${folderOf(bundled.artifact)}/${name}`),
  });
};
