import type { Task } from "../Task.ts";
import { drawGraph } from "./draw.ts";
import { generateGraph } from "./generate.ts";
import type { Graph } from "./Graph.ts";
import { edgeErrors, edgesF1, judgeColoring } from "./judge.ts";
import { checkGraph, maxGraphs } from "./limits.ts";
import { GraphColoringParams } from "./params.ts";
import { narrateGraph } from "./narrate.ts";
import { promptGraph } from "./prompt.ts";
import { type Coloring, readColoring, readGraph, readGraphCaption } from "./read.ts";
import { solveGraph } from "./solve.ts";

/** Colour a graph with as few colours as possible. The caption is the edges; the answer is a letter for every vertex. */
export const graphColoring: Task<GraphColoringParams, Graph, Coloring> = {
  name: "graph-coloring",
  params: GraphColoringParams,
  check: checkGraph,
  maxInstances: maxGraphs,
  hasRandomLayout: ({ layout }) => layout === "force",
  generate: generateGraph,
  // Labels are part of an instance: isomorphic graphs with different edges are different instances.
  identity: (graph) => `${graph.v}:${JSON.stringify(graph.edges)}`,
  difficulty: ({ edges }) => edges.length,
  draw: drawGraph,
  prompt: promptGraph,
  perception: (graph) => JSON.stringify(graph.edges),
  groundTruth: ({ v, c, edges }) => JSON.stringify({ v, c, edges }),
  readTruth: readGraph,
  solve: solveGraph,
  narrate: narrateGraph,
  readCaption: readGraphCaption,
  readAnswer: readColoring,
  perceptionF1: edgesF1,
  captionErrors: edgeErrors,
  judge: judgeColoring,
};
