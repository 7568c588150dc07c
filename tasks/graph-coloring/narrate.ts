import type { Random } from "../../stats/Random.ts";
import type { Solution } from "../Task.ts";
import { synonym, withFiller } from "../wordy.ts";
import { colorWithin, type Step } from "./dsatur.ts";
import { colorName, type Graph, neighbourLists, normalEdges } from "./Graph.ts";

/** Filler sentences before each line; with two, a graph of five vertices takes about 270 tokens. */
const filler = 2;

/**
 * The solver's trace in sentences: each vertex with its neighbours, in random order, then for each pick a sentence with the
 * colours around every vertex. The search runs on randomly renamed vertices, so that ties break at random.
 */
export const narrateGraph = (graph: Graph, random: Random): Solution => {
  const neighbours = neighbourLists(graph.v, graph.edges);
  const vertices = [...neighbours.keys()];
  const lines = random
    .shuffle(vertices)
    .map((vertex) => listing(vertex, neighbours[vertex]!, random));
  const names = random.shuffle(vertices);
  const places = vertices.map((vertex) => names.indexOf(vertex));
  const renamed = graph.edges.map(([a, b]) => [places[a]!, places[b]!] as const);
  const colors = colorWithin(neighbourLists(graph.v, normalEdges(renamed)), graph.c, (step) =>
    lines.push(
      pick(
        {
          ...step,
          around: places.map((place) => step.around[place]!),
          vertex: names[step.vertex]!,
        },
        random,
      ),
    ),
  );
  if (colors === null)
    throw new Error(`a graph said to have chromatic number ${graph.c} has no such colouring`);
  return {
    reasoning: withFiller(lines, filler, random),
    answer: JSON.stringify(
      Object.fromEntries(places.map((place, v) => [v, colorName(colors[place]!)])),
    ),
  };
};

const listing = (vertex: number, neighbours: ReadonlyArray<number>, random: Random): string =>
  neighbours.length === 0
    ? `${synonym(random, nouns)} ${vertex} stands alone .`
    : `${synonym(random, nouns)} ${vertex} ${synonym(random, "touches|meets|joins")} ${neighbours.join(" ")} .`;

const pick = ({ around, vertex, tried, color }: Step, random: Random): string => {
  const seen = around.map((colors) =>
    colors === null ? "-" : colors.map(colorName).join("") || "none",
  );
  return [
    synonym(random, "seen|around|beside"),
    ...seen,
    synonym(random, "so|thus|hence"),
    synonym(random, nouns),
    vertex,
    ...(tried.length === 0 ? [] : ["not", ...tried.map(colorName)]),
    ...(color === null ? ["fails ."] : [synonym(random, "gets|takes|has"), colorName(color), "."]),
  ].join(" ");
};

const nouns = "vertex|node|point";
