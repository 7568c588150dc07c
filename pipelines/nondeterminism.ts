/** Which nodes of a run can't be relied on to come out the same: their work has given several results. */
import type { Answer } from "../cache/History.ts";
import type { Digest } from "../schemas/Digest.ts";

interface RunNode {
  readonly node: string;
  readonly recipe: Digest;
}

export interface NondeterministicNode {
  readonly node: string;
  /** What this run has. */
  readonly artifact: Digest;
  /** Every result whose files are there, the newest first. */
  readonly kept: ReadonlyArray<Digest>;
}

/** `answers` are those to content keys that have several; `artifactOf` says what the run has for a node. */
export const nondeterministicNodes = <Node extends RunNode>(
  nodes: ReadonlyArray<Node>,
  answers: ReadonlyArray<Answer>,
  artifactOf: (node: Node) => Digest | undefined,
): ReadonlyArray<NondeterministicNode> => {
  if (answers.length === 0) return [];
  const byRecipe = Map.groupBy(answers, ({ recipe }) => recipe);
  const byContent = Map.groupBy(answers, ({ content }) => content);
  return nodes.flatMap((node) => {
    const own = byRecipe.get(node.recipe);
    const artifact = own === undefined ? undefined : artifactOf(node);
    // One recipe may stand for several content keys, of which not all need have several answers.
    const mine = own?.find((answer) => answer.artifact === artifact);
    if (mine === undefined || artifact === undefined) return [];
    const all = byContent.get(mine.content) ?? [];
    const kept = new Set(all.filter((each) => !each.collected).map((each) => each.artifact));
    return [{ node: node.node, artifact, kept: [...kept] }];
  });
};
