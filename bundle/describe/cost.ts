/** Estimates the cost of a full rerun of some nodes: everything upstream, once, at the cost measured here. */
import type { RunNode } from "./runNodes.ts";

export interface Cost {
  readonly seconds: number;
  readonly bytes: number;
  readonly gpu: boolean;
  readonly mayVary: boolean;
}

export const costOf = (nodes: Iterable<RunNode>): Cost => {
  const all = withUpstream(nodes);
  let seconds = 0;
  let bytes = 0;
  let gpu = false;
  let mayVary = false;
  for (const node of all) {
    seconds += node.bundled.seconds;
    bytes += node.bytes;
    gpu ||= node.bundled.gpu;
    mayVary ||= node.mayVary;
  }
  return { seconds: Math.round(seconds * 1000) / 1000, bytes, gpu, mayVary };
};

/** The nodes and everything upstream. */
export const withUpstream = (nodes: Iterable<RunNode>): ReadonlySet<RunNode> => {
  const all = new Set(nodes);
  for (const node of all) for (const upstream of node.from) all.add(upstream);
  return all;
};
