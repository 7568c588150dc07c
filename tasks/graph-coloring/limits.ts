import { countSubsets } from "../countSubsets.ts";
import { rangeIssues } from "../rangeIssues.ts";
import type { ParamIssue } from "../Task.ts";
import type { GraphColoringParams } from "./params.ts";

const pairsOf = (vertices: number): number => (vertices * (vertices - 1)) / 2;

/** Refuses more edges or colours than a graph of this many vertices can have. */
export const checkGraph = ({
  vertices,
  edges,
  colors,
}: GraphColoringParams): ReadonlyArray<ParamIssue> => {
  const largest = Math.max(...[vertices].flat());
  const pairs = pairsOf(largest);
  const excess = (colors ?? []).findIndex((color) => color > largest);
  return [
    ...(edges === undefined ? [] : rangeIssues("edges", edges)),
    ...(edges === undefined || edges[0] <= pairs
      ? []
      : [
          {
            path: ["edges", 0],
            message: `a graph of ${largest} vertices has at most ${pairs} edges, not ${edges[0]}`,
            expected: `at most ${pairs}`,
          },
        ]),
    ...(excess === -1
      ? []
      : [
          {
            path: ["colors", excess],
            message: `a graph of ${largest} vertices has a chromatic number of at most ${largest}, not ${colors?.[excess]}`,
            expected: `at most ${largest}`,
          },
        ]),
  ];
};

/** The number of edge sets on numbered vertices. It is an upper bound, as other params may exclude some. */
export const maxGraphs = ({ vertices, edges }: GraphColoringParams): number =>
  [...new Set([vertices].flat())].reduce((sum, v) => {
    const pairs = pairsOf(v);
    const [fewest, most] = edges ?? [0, pairs];
    return sum + countSubsets(pairs, fewest, Math.min(most, pairs));
  }, 0);
