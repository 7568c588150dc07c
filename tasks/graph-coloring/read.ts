import { Result } from "effect";
import type { FailureReason } from "../FailureReason.ts";
import { asCount, isRecord } from "../readValue.ts";
import { chromaticNumber } from "./dsatur.ts";
import { type Edge, type Graph, maximumVertices, normalEdges } from "./Graph.ts";

/** The colour of each vertex, by name. */
export type Coloring = ReadonlyArray<string>;

/** Reads a stored graph `{v, c, edges}`; `c` is optional and must be the chromatic number. */
export const readGraph = (value: unknown): Result.Result<Graph, string> => {
  if (!isRecord(value)) return Result.fail("the graph is not an object {v, c, edges}");
  const { v, c, edges } = value;
  if (typeof v !== "number" || !Number.isInteger(v) || v < 1 || v > maximumVertices) {
    return Result.fail(`"v" is not a number of vertices from 1 to ${maximumVertices}`);
  }
  if (!Array.isArray(edges)) return Result.fail('"edges" is not a list');
  const pairs: Array<Edge> = [];
  for (const [i, edge] of edges.entries()) {
    const pair = readEdge(edge);
    if (pair === undefined) return Result.fail(`edge ${i} is not a pair of two different vertices`);
    if (Math.max(...pair) >= v)
      return Result.fail(
        `edge ${i} names vertex ${Math.max(...pair)}, but there are ${v} vertices`,
      );
    pairs.push(pair);
  }
  const graph = withChromaticNumber(v, pairs);
  if (c !== undefined && c !== graph.c)
    return Result.fail(`"c" is ${JSON.stringify(c)}, but the chromatic number is ${graph.c}`);
  return Result.succeed(graph);
};

/** Reads a caption: edges in any order and direction, with repeats, as a list or as `{"edges": [...]}`. */
export const readGraphCaption = (
  json: unknown,
  { v }: Graph,
): Result.Result<Graph, FailureReason> => {
  const list = isRecord(json) ? json["edges"] : json;
  if (!Array.isArray(list)) return Result.fail("bad-caption");
  const pairs: Array<Edge> = [];
  for (const edge of list) {
    const pair = readEdge(edge);
    if (pair === undefined) return Result.fail("bad-caption");
    if (pair[0] >= v || pair[1] >= v) return Result.fail("wrong-size");
    pairs.push(pair);
  }
  return Result.succeed(withChromaticNumber(v, pairs));
};

/** Reads an answer: an object vertex -> colour or a list of colours; colours are letters of either case, words or numbers. */
export const readColoring = (
  json: unknown,
  { v }: Graph,
): Result.Result<Coloring, FailureReason> => {
  if (!Array.isArray(json) && !isRecord(json)) return Result.fail("bad-answer");
  const colors = new Map<number, string>();
  for (const [key, value] of Object.entries(json)) {
    const vertex = asCount(key);
    const color = readColor(value);
    if (vertex === undefined || color === undefined) return Result.fail("bad-answer");
    if (vertex >= v) return Result.fail("wrong-size");
    colors.set(vertex, color);
  }
  if (colors.size < v) return Result.fail("wrong-size");
  return Result.succeed(Array.from({ length: v }, (_, vertex) => colors.get(vertex)!));
};

const readEdge = (edge: unknown): Edge | undefined => {
  if (!Array.isArray(edge) || edge.length !== 2) return undefined;
  const [a, b] = [asCount(edge[0]), asCount(edge[1])];
  return a === undefined || b === undefined || a === b ? undefined : [a, b];
};

const readColor = (value: unknown): string | undefined => {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value !== "string" || value.length > 32) return undefined;
  return value.trim().toLowerCase() || undefined;
};

const withChromaticNumber = (v: number, pairs: ReadonlyArray<Edge>): Graph => {
  const edges = normalEdges(pairs);
  return { v, c: chromaticNumber(v, edges), edges };
};
