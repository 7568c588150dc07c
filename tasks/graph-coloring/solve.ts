import type { Solution } from "../Task.ts";
import { colorWithin, type Step } from "./dsatur.ts";
import { colorName, type Graph, neighbourLists } from "./Graph.ts";

/**
 * DSATUR with backtracking, written out: a line `adj V N..` a vertex, then a line a pick, `sat S.. pick V [tried C..] -> C`,
 * where S are the colours around a vertex, written together (`.` none, `-` already coloured), and `-> back` is a dead end: the
 * latest vertex with a choice is picked again. The colours themselves, not their number: then each line follows from
 * the one before by one small step for each vertex.
 */
export function solveGraph(graph: Graph): Solution {
  const neighbours = neighbourLists(graph.v, graph.edges);
  const lines = neighbours.map((list, vertex) => ["adj", vertex, ...list].join(" "));
  const colors = colorWithin(neighbours, graph.c, (step) => lines.push(stepLine(step)));
  if (colors === null)
    throw new Error(`a graph said to have chromatic number ${graph.c} has no such colouring`);
  return {
    reasoning: lines.join("\n"),
    answer: JSON.stringify(Object.fromEntries(colors.map((color, v) => [v, colorName(color)]))),
  };
}

function stepLine({ around, vertex, tried, color }: Step): string {
  const words = [
    "sat",
    ...around.map((colors) => (colors === null ? "-" : colors.map(colorName).join("") || ".")),
    "pick",
    vertex,
    ...(tried.length === 0 ? [] : ["tried", ...tried.map(colorName)]),
    "->",
    color === null ? "back" : colorName(color),
  ];
  return words.join(" ");
}
