/** Nondeterministic nodes of a run: equal work has given several results. */
import type { Answer } from "../../cache/History.ts";
import type { Digest } from "../../schemas/Digest.ts";

interface RunNode {
  readonly node: string;
  readonly recipe: Digest;
}

export interface NondeterministicNode {
  readonly node: string;
  /** The run's own result. */
  readonly artifact: Digest;
  /** Every result whose files are in the store, the newest first. */
  readonly kept: ReadonlyArray<Digest>;
}

/** `answers` are all answers to content keys with several; `artifactOf` gives the run's artifact of a node. */
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
    // One recipe can have several content keys, and only some of them several answers.
    const mine = own?.find((answer) => answer.artifact === artifact);
    if (mine === undefined || artifact === undefined) return [];
    const all = byContent.get(mine.content) ?? [];
    const kept = new Set(all.filter((each) => !each.collected).map((each) => each.artifact));
    return [{ node: node.node, artifact, kept: [...kept] }];
  });
};
