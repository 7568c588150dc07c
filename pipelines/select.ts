/** Parts of a graph, by the names that people give them. */
import { Result } from "effect";
import type { Graph, Node } from "./Compile.ts";
import { upstreamOf } from "./Plan.ts";

/** The nodes that names mean: a node's own name, or a stage of the experiment for all its points; or the unknown name. */
export const nodesNamed = (
  graph: Graph,
  names: ReadonlyArray<string>,
): Result.Result<ReadonlySet<Node>, string> => {
  const chosen = new Set<Node>();
  for (const name of names) {
    const meant = graph.nodes.filter((node) => node.name === name || node.stageName === name);
    if (meant.length === 0) return Result.fail(name);
    for (const node of meant) chosen.add(node);
  }
  return Result.succeed(chosen);
};

/** Only the chosen nodes, with all they need. */
export const restrict = (graph: Graph, chosen: ReadonlySet<Node>): Graph => {
  const needed = new Set(chosen);
  for (const node of graph.nodes.toReversed())
    if (needed.has(node)) for (const input of upstreamOf(node)) needed.add(input);
  return { ...graph, nodes: graph.nodes.filter((node) => needed.has(node)) };
};
