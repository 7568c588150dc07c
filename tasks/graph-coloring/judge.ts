import type { FailureReason } from "../FailureReason.ts";
import { type Graph, maximumVertices } from "./Graph.ts";
import type { Coloring } from "./read.ts";

/** A proper colouring of every vertex with exactly as many colours as the chromatic number. */
export function judgeColoring(graph: Graph, coloring: Coloring): FailureReason | null {
  if (graph.edges.some(([a, b]) => coloring[a] === coloring[b])) return "conflict";
  return new Set(coloring).size === graph.c ? null : "not-minimal";
}

/** F1 over edges; 1 when neither graph has any. */
export function edgesF1(truth: Graph, caption: Graph): number {
  const there = new Set(truth.edges.map(([a, b]) => a * maximumVertices + b));
  const found = caption.edges.filter(([a, b]) => there.has(a * maximumVertices + b)).length;
  const total = truth.edges.length + caption.edges.length;
  return total === 0 ? 1 : (2 * found) / total;
}
