/** The nodes of a bundled run as a graph, with what follows from what is written of them. */
import { inputDigests } from "../schemas/KeyParts.ts";
import { stages } from "../stages/stages.ts";
import type { BundleNode, BundleRun } from "./format.ts";

export interface RunNode {
  readonly told: BundleNode;
  /** Of its artifact. */
  readonly bytes: number;
  /** Made by a program other than pipe itself, such as a trainer: on another machine it may come out otherwise. */
  readonly mayVary: boolean;
  /** The nodes of the run that it takes from; of several that made the same artifact, the first. */
  readonly from: ReadonlyArray<RunNode>;
}

/** In the plan's order, in which what a node takes from comes before it. */
export const runNodes = ({ nodes }: Pick<BundleRun, "nodes">): ReadonlyArray<RunNode> => {
  const makers = new Map<string, RunNode>();
  return nodes.map((told) => {
    const registered = stages.get(told.stage);
    const node: RunNode = {
      told,
      bytes: told.files.reduce((sum, { size }) => sum + size, 0),
      mayVary:
        registered === undefined || registered.trainer !== undefined || told.stage === "command",
      from: [...new Set(inputDigests(told.keyParts).flatMap((digest) => makers.get(digest) ?? []))],
    };
    if (!makers.has(told.artifact)) makers.set(told.artifact, node);
    return node;
  });
};
