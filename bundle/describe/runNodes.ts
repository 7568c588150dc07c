/** The nodes of a bundled run as a graph. */
import { inputDigests } from "../../schemas/KeyParts.ts";
import { originOf } from "../../stages/audits.ts";
import type { BundleNode, BundleRun } from "../format/format.ts";

export interface RunNode {
  readonly bundled: BundleNode;
  /** Size of its artifact. */
  readonly bytes: number;
  /** Made by a trainer or a command, whose results may differ on another machine. */
  readonly mayVary: boolean;
  /** The nodes of the run that made its inputs; of several with the same artifact, the first. */
  readonly from: ReadonlyArray<RunNode>;
}

/** In the plan's order: inputs before their users. */
export const runNodes = ({ nodes }: Pick<BundleRun, "nodes">): ReadonlyArray<RunNode> => {
  const makers = new Map<string, RunNode>();
  return nodes.map((bundled) => {
    const origin = originOf(bundled.stage);
    const node: RunNode = {
      bundled,
      bytes: bundled.files.reduce((sum, { size }) => sum + size, 0),
      mayVary: origin === undefined || origin === "trained" || origin === "program",
      from: [
        ...new Set(inputDigests(bundled.keyParts).flatMap((digest) => makers.get(digest) ?? [])),
      ],
    };
    if (!makers.has(bundled.artifact)) makers.set(bundled.artifact, node);
    return node;
  });
};
