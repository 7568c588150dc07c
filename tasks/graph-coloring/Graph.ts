/** An undirected edge, smaller vertex first. */
export type Edge = readonly [number, number];

/** A graph on the vertices 0 .. v-1 with its chromatic number c; the edges are sorted and distinct. */
export interface Graph {
  readonly v: number;
  readonly c: number;
  readonly edges: ReadonlyArray<Edge>;
}

/** A graph may need a colour for each vertex, and colours are the letters a..z. */
export const maximumVertices = 26;

export const colorName = (color: number) => String.fromCharCode(97 + color);

/** The neighbours of each vertex, ascending. */
export const neighbourLists = (
  v: number,
  edges: ReadonlyArray<Edge>,
): ReadonlyArray<ReadonlyArray<number>> => {
  const lists: Array<Array<number>> = Array.from({ length: v }, () => []);
  for (const [a, b] of edges) {
    lists[a]!.push(b);
    lists[b]!.push(a);
  }
  for (const list of lists) list.sort((a, b) => a - b);
  return lists;
};

/** Edges with the smaller vertex first, sorted, each once. */
export const normalEdges = (edges: ReadonlyArray<Edge>): ReadonlyArray<Edge> => {
  const codes = new Set(
    edges.map(([a, b]) => (a < b ? a * maximumVertices + b : b * maximumVertices + a)),
  );
  return [...codes]
    .sort((a, b) => a - b)
    .map((code) => [Math.floor(code / maximumVertices), code % maximumVertices]);
};
