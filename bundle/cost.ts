/** What a full re-run up to some nodes takes, going by what it took here: everything that they follow from, once. */
import type { RunNode } from "./runNodes.ts";

export interface Cost {
  readonly seconds: number;
  readonly bytes: number;
  readonly gpu: boolean;
  readonly mayVary: boolean;
}

export const costOf = (nodes: Iterable<RunNode>): Cost => {
  const all = withAllAbove(nodes);
  let seconds = 0;
  let bytes = 0;
  let gpu = false;
  let mayVary = false;
  for (const node of all) {
    seconds += node.told.seconds;
    bytes += node.bytes;
    gpu ||= node.told.gpu;
    mayVary ||= node.mayVary;
  }
  return { seconds: Math.round(seconds * 1000) / 1000, bytes, gpu, mayVary };
};

/** The nodes, and whatever they follow from. */
export const withAllAbove = (nodes: Iterable<RunNode>): ReadonlySet<RunNode> => {
  const all = new Set(nodes);
  for (const node of all) for (const upstream of node.from) all.add(upstream);
  return all;
};
