import type { Random } from "../Random.ts";
import { ImpossibleTask } from "../Task.ts";
import { chromaticNumber } from "./dsatur.ts";
import type { Edge, Graph } from "./Graph.ts";
import type { GraphColoringParams } from "./params.ts";

// A wish that one graph in ten fulfils is planted with probability 0.005; a hopeless one fails in under a second.
const tries = 5_000;
const triesBeforePlanting = 50;

/** Every pair of vertices that `allowed` lets through is an edge with probability `density`. */
function randomEdges(
  v: number,
  density: number,
  random: Random,
  allowed = (_a: number, _b: number) => true,
): ReadonlyArray<Edge> {
  const edges: Array<Edge> = [];
  for (let a = 0; a < v; a++) {
    for (let b = a + 1; b < v; b++)
      if (allowed(a, b) && random.uniform() < density) edges.push([a, b]);
  }
  return edges;
}

/** A random graph that `colors` colours suffice for: edges only between classes of equal size, as dense on the whole if it can be. */
function plantedEdges(
  v: number,
  density: number,
  colors: number,
  random: Random,
): ReadonlyArray<Edge> {
  const classOf = random.shuffle(Array.from({ length: v }, (_, vertex) => vertex % colors));
  const across = randomEdges(v, 1, random, (a, b) => classOf[a] !== classOf[b]).length;
  const raised = (density * v * (v - 1)) / 2 / Math.max(1, across);
  return randomEdges(v, raised, random, (a, b) => classOf[a] !== classOf[b]);
}

/**
 * A random graph that fulfils the parameters: an Erdős–Rényi graph, by rejection. Where a wished-for chromatic number is
 * too rare for that, the graphs tried are planted with a colouring of that many. Throws `ImpossibleTask` when none turns up.
 */
export function generateGraph(params: GraphColoringParams, random: Random): Graph {
  const counts = [params.vertices].flat();
  const { colors, density } = params;
  for (let attempt = 0; attempt < tries; attempt++) {
    const v = random.pick(counts);
    const planted = attempt >= triesBeforePlanting && colors !== undefined;
    const edges = planted
      ? plantedEdges(v, density, random.pick(colors), random)
      : randomEdges(v, density, random);
    const graph = wanted(v, edges, params);
    if (graph !== null) return graph;
  }
  throw new ImpossibleTask({
    message: `${tries} random graphs and none ${wish(params)}`,
  });
}

/** The graph with its chromatic number, if it is as the parameters wish. */
function wanted(v: number, edges: ReadonlyArray<Edge>, params: GraphColoringParams): Graph | null {
  const [fewest, most] = params.edges ?? [0, Infinity];
  if (edges.length < fewest || edges.length > most) return null;
  if (!params.isolated && new Set(edges.flat()).size < v) return null;
  const c = chromaticNumber(v, edges);
  return params.colors === undefined || params.colors.includes(c) ? { v, c, edges } : null;
}

function wish(params: GraphColoringParams): string {
  const wishes = [
    `with ${[params.vertices].flat().join(" or ")} vertices at density ${params.density}`,
    ...(params.colors ? [`a chromatic number of ${params.colors.join(" or ")}`] : []),
    ...(params.edges ? [`${params.edges[0]} to ${params.edges[1]} edges`] : []),
    ...(params.isolated ? [] : ["no isolated vertex"]),
  ];
  return wishes.join(", ");
}
