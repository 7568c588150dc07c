import { type Edge, neighbourLists } from "./Graph.ts";

/** One pick of the search: the state before it, the vertex, and its new colour, or null for a dead end. */
export interface Step {
  /** The distinct colours around each vertex, ascending; null for the vertices already coloured. */
  readonly around: ReadonlyArray<ReadonlyArray<number> | null>;
  readonly vertex: number;
  /** Colours of the vertex that led to dead ends from the same state. */
  readonly tried: ReadonlyArray<number>;
  readonly color: number | null;
}

const bitCount = (bits: number) => {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
};

const bitsSet = (bits: number) =>
  Array.from({ length: 32 - Math.clz32(bits) }, (_, bit) => bit).filter((bit) => (bits >> bit) & 1);

/**
 * Colours a graph with at most `limit` colours by DSATUR (Brelaz, 1979) with backtracking, or returns null if it needs more.
 * The next vertex is the one with the most distinct colours around it; ties go to the higher degree, then to the lower
 * number. It takes the lowest free colour. Every pick and every dead end calls `onStep`.
 */
export const colorWithin = (
  neighbours: ReadonlyArray<ReadonlyArray<number>>,
  limit: number,
  onStep?: (step: Step) => void,
): ReadonlyArray<number> | null => {
  const colors = neighbours.map(() => -1);

  const colorsAround = (vertex: number) => {
    let bits = 0;
    for (const other of neighbours[vertex]!) if (colors[other]! >= 0) bits |= 1 << colors[other]!;
    return bits;
  };

  const next = () => {
    let [best, bestSaturation] = [-1, -1];
    for (let vertex = 0; vertex < colors.length; vertex++) {
      if (colors[vertex]! >= 0) continue;
      const saturation = bitCount(colorsAround(vertex));
      const better =
        saturation > bestSaturation ||
        (saturation === bestSaturation && neighbours[vertex]!.length > neighbours[best]!.length);
      if (better) [best, bestSaturation] = [vertex, saturation];
    }
    return best;
  };

  const reportStep = (vertex: number, tried: ReadonlyArray<number>, color: number | null) =>
    onStep?.({
      around: colors.map((color, other) => (color >= 0 ? null : bitsSet(colorsAround(other)))),
      vertex,
      tried: [...tried],
      color,
    });

  const search = (left: number, used: number): boolean => {
    if (left === 0) return true;
    const vertex = next();
    const forbidden = colorsAround(vertex);
    const tried: Array<number> = [];
    // One colour beyond those in use stands for all unused ones: they are interchangeable.
    for (let color = 0; color < Math.min(used + 1, limit); color++) {
      if ((forbidden >> color) & 1) continue;
      reportStep(vertex, tried, color);
      colors[vertex] = color;
      if (search(left - 1, Math.max(used, color + 1))) return true;
      colors[vertex] = -1;
      tried.push(color);
    }
    reportStep(vertex, tried, null);
    return false;
  };

  return search(neighbours.length, 0) ? colors : null;
};

/** The chromatic number: the least number of colours of a proper colouring. */
export const chromaticNumber = (v: number, edges: ReadonlyArray<Edge>): number => {
  const neighbours = neighbourLists(v, edges);
  let colors = cliqueSize(neighbours);
  while (colorWithin(neighbours, colors) === null) colors++;
  return colors;
};

/** The size of the largest clique found greedily from each vertex, a lower bound that is mostly the chromatic number. */
const cliqueSize = (neighbours: ReadonlyArray<ReadonlyArray<number>>): number => {
  const bits = neighbours.map((list) => list.reduce((set, other) => set | (1 << other), 0));
  const sizes = neighbours.map((list, vertex) => {
    let clique = 1 << vertex;
    for (const other of list) if ((clique & ~bits[other]!) === 0) clique |= 1 << other;
    return bitCount(clique);
  });
  return Math.max(...sizes);
};
