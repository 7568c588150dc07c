import type { Random } from "../Random.ts";
import { ImpossibleTask } from "../Task.ts";
import { chromaticNumber } from "./dsatur.ts";
import type { Edge, Graph } from "./Graph.ts";
import type { GraphColoringParams } from "./params.ts";

// A wish that one graph in a thousand fulfils is missed with probability e^-20; failing takes a fraction of a second.
const tries = 20_000;

function randomEdges(v: number, density: number, random: Random): ReadonlyArray<Edge> {
  const edges: Array<Edge> = [];
  for (let a = 0; a < v; a++)
    for (let b = a + 1; b < v; b++) if (random.uniform() < density) edges.push([a, b]);
  return edges;
}

/** A random graph that fulfils the parameters, by rejection. Throws `ImpossibleTask` when none turns up. */
export function generateGraph(params: GraphColoringParams, random: Random): Graph {
  const counts = typeof params.vertices === "number" ? [params.vertices] : params.vertices;
  const [fewest, most] = params.edges ?? [0, Infinity];
  for (let attempt = 0; attempt < tries; attempt++) {
    const v = random.pick(counts);
    const edges = randomEdges(v, params.density, random);
    if (edges.length < fewest || edges.length > most) continue;
    if (!params.isolated && new Set(edges.flat()).size < v) continue;
    const c = chromaticNumber(v, edges);
    if (params.colors === undefined || params.colors.includes(c)) return { v, c, edges };
  }
  throw new ImpossibleTask({ message: `${tries} random graphs and none ${wish(params)}` });
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
