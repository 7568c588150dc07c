/** Selection of nodes by name, and the part of a graph that they need. */
import { Result } from "effect";
import { type Graph, type Node, upstreamOf } from "../experiment/Node.ts";

/** Selects nodes by their own names or by stages of the experiment; fails with the first unknown name. */
export const selectNodes = (
  graph: Graph,
  names: ReadonlyArray<string>,
): Result.Result<ReadonlySet<Node>, string> => {
  const selected = new Set<Node>();
  for (const name of names) {
    const nodes = graph.nodes.filter((node) => node.name === name || node.stageName === name);
    if (nodes.length === 0) return Result.fail(name);
    for (const node of nodes) selected.add(node);
  }
  return Result.succeed(selected);
};

/** The selected nodes and everything upstream of them. */
export const restrictGraph = (graph: Graph, selected: ReadonlySet<Node>): Graph => {
  const needed = new Set(selected);
  for (const node of graph.nodes.toReversed())
    if (needed.has(node)) for (const input of upstreamOf(node)) needed.add(input);
  return { ...graph, nodes: graph.nodes.filter((node) => needed.has(node)) };
};
