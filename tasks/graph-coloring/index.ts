import type { Task } from "../Task.ts";
import { drawGraph } from "./draw.ts";
import { generateGraph } from "./generate.ts";
import type { Graph } from "./Graph.ts";
import { edgesF1, judgeColoring } from "./judge.ts";
import { GraphColoringParams } from "./params.ts";
import { promptGraph } from "./prompt.ts";
import { type Coloring, readColoring, readGraph, readGraphCaption } from "./read.ts";
import { solveGraph } from "./solve.ts";

/** Colour a graph with as few colours as possible. Seen: the edges. Answered: a letter for every vertex. */
export const graphColoring: Task<GraphColoringParams, Graph, Coloring> = {
  name: "graph-coloring",
  params: GraphColoringParams,
  generate: generateGraph,
  // The labels are part of an instance: two isomorphic graphs with different edges are told apart.
  identity: (graph) => `${graph.v}:${JSON.stringify(graph.edges)}`,
  draw: drawGraph,
  prompt: promptGraph,
  perception: (graph) => JSON.stringify(graph.edges),
  groundTruth: ({ v, c, edges }) => JSON.stringify({ v, c, edges }),
  readTruth: readGraph,
  solve: solveGraph,
  readCaption: readGraphCaption,
  readAnswer: readColoring,
  perceptionF1: edgesF1,
  judge: judgeColoring,
};
