import type { Graph } from "./Graph.ts";

/** The question beside the picture: the number of vertices, the labels, the goal and the format. */
export const promptGraph = ({ v }: Graph): string => {
  return [
    `The picture shows a graph of ${v} vertices, numbered 0 to ${v - 1}; lines are edges.`,
    "Find a colouring that uses as few colours as any can: vertices joined by an edge get different colours, and the number of colours is the graph's chromatic number. Name the colours with the letters a, b, c and so on.",
    "Begin with what you see: the list of all edges as JSON between <caption> and </caption>, like <caption>[[0,1],[0,2]]</caption>.",
    'Then reason. End with the colour of every vertex as JSON between <answer> and </answer>, like <answer>{"0":"a","1":"b","2":"b"}</answer>.',
  ].join("\n");
};
