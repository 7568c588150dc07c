import type { FailureReason } from "../FailureReason.ts";
import type { CaptionErrors } from "../Task.ts";
import { type Graph, maximumVertices } from "./Graph.ts";
import type { Coloring } from "./read.ts";

/** Accepts a proper colouring with as many colours as the chromatic number. */
export const judgeColoring = (graph: Graph, coloring: Coloring): FailureReason | null => {
  if (graph.edges.some(([a, b]) => coloring[a] === coloring[b])) return "conflict";
  return new Set(coloring).size === graph.c ? null : "not-minimal";
};

/** The number of edges that both graphs have. */
const sharedEdges = (truth: Graph, caption: Graph): number => {
  const edges = new Set(truth.edges.map(([a, b]) => a * maximumVertices + b));
  return caption.edges.filter(([a, b]) => edges.has(a * maximumVertices + b)).length;
};

/** An edge is there or not: none is wrong. */
export const edgeErrors = (truth: Graph, caption: Graph): CaptionErrors => {
  const shared = sharedEdges(truth, caption);
  return { extra: caption.edges.length - shared, missing: truth.edges.length - shared, wrong: 0 };
};

/** F1 of the caption's edges; 1 when neither graph has any. */
export const edgesF1 = (truth: Graph, caption: Graph): number => {
  const found = sharedEdges(truth, caption);
  const total = truth.edges.length + caption.edges.length;
  return total === 0 ? 1 : (2 * found) / total;
};
