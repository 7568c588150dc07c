import type { Random } from "../../stats/Random.ts";
import { ImpossibleTask } from "../Task.ts";
import { chromaticNumber } from "./dsatur.ts";
import type { Edge, Graph } from "./Graph.ts";
import type { GraphColoringParams } from "./params.ts";

// Params that fit one graph in ten lead to planting with probability 0.005; impossible params fail in under a second.
const tries = 5_000;
const triesBeforePlanting = 50;

/** Random edges: each allowed pair of vertices with probability `density`. */
const randomEdges = (
  v: number,
  density: number,
  random: Random,
  allowed = (_a: number, _b: number) => true,
): ReadonlyArray<Edge> => {
  const edges: Array<Edge> = [];
  for (let a = 0; a < v; a++) {
    for (let b = a + 1; b < v; b++)
      if (allowed(a, b) && random.uniform() < density) edges.push([a, b]);
  }
  return edges;
};

/** Random edges between `colors` classes of equal size, so that this many colours suffice; overall density as asked, if possible. */
const plantedEdges = (
  v: number,
  density: number,
  colors: number,
  random: Random,
): ReadonlyArray<Edge> => {
  const classOf = random.shuffle(Array.from({ length: v }, (_, vertex) => vertex % colors));
  const across = randomEdges(v, 1, random, (a, b) => classOf[a] !== classOf[b]).length;
  const raised = (density * v * (v - 1)) / 2 / Math.max(1, across);
  return randomEdges(v, raised, random, (a, b) => classOf[a] !== classOf[b]);
};

/**
 * A random graph that fits the params: an Erdős–Rényi graph, by rejection. After some rejections, where the params name
 * chromatic numbers, candidates are planted with a colouring of one of them. Throws `ImpossibleTask`.
 */
export const generateGraph = (params: GraphColoringParams, random: Random): Graph => {
  const counts = [params.vertices].flat();
  const { colors, density } = params;
  for (let attempt = 0; attempt < tries; attempt++) {
    const v = random.pick(counts);
    const planted = attempt >= triesBeforePlanting && colors !== undefined;
    const edges = planted
      ? plantedEdges(v, density, random.pick(colors), random)
      : randomEdges(v, density, random);
    const graph = acceptedGraph(v, edges, params);
    if (graph !== null) return graph;
  }
  throw new ImpossibleTask({
    message: `none of ${tries} random graphs has ${description(params)}`,
  });
};

/** The graph with its chromatic number, or null unless it fits the params. */
const acceptedGraph = (
  v: number,
  edges: ReadonlyArray<Edge>,
  params: GraphColoringParams,
): Graph | null => {
  const [fewest, most] = params.edges ?? [0, Infinity];
  if (edges.length < fewest || edges.length > most) return null;
  if (!params.isolated && new Set(edges.flat()).size < v) return null;
  const c = chromaticNumber(v, edges);
  return params.colors === undefined || params.colors.includes(c) ? { v, c, edges } : null;
};

const description = (params: GraphColoringParams): string => {
  const parts = [
    `${[params.vertices].flat().join(" or ")} vertices at density ${params.density}`,
    ...(params.colors ? [`a chromatic number of ${params.colors.join(" or ")}`] : []),
    ...(params.edges ? [`${params.edges[0]} to ${params.edges[1]} edges`] : []),
    ...(params.isolated ? [] : ["no isolated vertex"]),
  ];
  return parts.join(", ");
};
