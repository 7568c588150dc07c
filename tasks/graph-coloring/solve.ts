import type { Solution } from "../Task.ts";
import { colorWithin, type Step } from "./dsatur.ts";
import { colorName, type Graph, neighbourLists } from "./Graph.ts";

/**
 * The trace of DSATUR with backtracking. First a line `adj V N..` for each vertex and its neighbours, then a line for each
 * pick, `sat S.. pick V [tried C..] -> C`. S are the colours around each vertex, written together (`.` none, `-` already
 * coloured). `-> back` is a dead end: the latest vertex with a choice is picked again. Colours rather than their number let
 * each line follow from the previous one by a small step for each vertex.
 */
export const solveGraph = (graph: Graph): Solution => {
  const neighbours = neighbourLists(graph.v, graph.edges);
  const lines = neighbours.map((list, vertex) => ["adj", vertex, ...list].join(" "));
  const colors = colorWithin(neighbours, graph.c, (step) => lines.push(stepLine(step)));
  if (colors === null)
    throw new Error(`a graph said to have chromatic number ${graph.c} has no such colouring`);
  return {
    reasoning: lines.join("\n"),
    answer: JSON.stringify(Object.fromEntries(colors.map((color, v) => [v, colorName(color)]))),
  };
};

const stepLine = ({ around, vertex, tried, color }: Step): string => {
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
};
