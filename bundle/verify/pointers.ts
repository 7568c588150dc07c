/** Pointers: each names the node that made the file, the reason it is left out, and the command that rebuilds it. */
import { rebuildLine } from "../describe/rebuildLine.ts";
import { kinds } from "../../kinds/kinds.ts";
import type { BundleNode } from "../format/format.ts";
import type { Findings } from "./Check.ts";
import { type Contents, folderOf, pointersFile, runFile } from "./Contents.ts";

export const verifyPointers = ({ run, pointers }: Contents, findings: Findings): void => {
  const makers = new Map<string, BundleNode>();
  for (const node of run.nodes) if (!makers.has(node.artifact)) makers.set(node.artifact, node);
  for (const pointer of pointers) {
    const node = makers.get(pointer.artifact);
    // Level 2 has checked that every pointer names a file of an artifact.
    if (node === undefined) continue;
    const add = (field: string, expected: unknown, found: unknown, message: string) =>
      findings.add({
        file: pointersFile,
        number: `${folderOf(pointer.artifact)}/${pointer.path}: ${field}`,
        expected,
        found,
        message,
        from: [runFile],
      });
    const rebuild = rebuildLine(run.overrides, node.node);
    if (pointer.rebuild !== rebuild)
      add("rebuild", rebuild, pointer.rebuild, "differs from the command that rebuilds the file");
    const use = { judgedSplits: new Set<string>(), isCounted: false };
    if (pointer.why === "weights" && kinds[node.kind].need(pointer, use) !== "weights")
      add("why", "another reason", pointer.why, "the file holds no model weights");
  }
};
