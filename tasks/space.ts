/** How many instances a task has at most: bounds by counting, which say when instances must repeat and not that they don't. */
import type { GraphColoringParams } from "./graph-coloring/params.ts";
import type { SudokuParams } from "./sudoku/params.ts";
import type { TaskParams } from "./tasks.ts";

export const mostInstances = (task: TaskParams): number =>
  task.kind === "sudoku" ? mostPuzzles(task) : mostGraphs(task);

/** Sets of edges on numbered vertices. */
const mostGraphs = ({ vertices, edges }: GraphColoringParams): number =>
  [...new Set([vertices].flat())].reduce((sum, v) => {
    const pairs = (v * (v - 1)) / 2;
    const [fewest, most] = edges ?? [0, pairs];
    return sum + subsets(pairs, fewest, Math.min(most, pairs));
  }, 0);

/**
 * Full grids: OEIS A107739; of 9 by 9, B. Felgenhauer and F. Jarvis, "Mathematics of Sudoku I", Mathematical Spectrum 39
 * (2006), 15-22.
 */
const grids = { 4: 288, 6: 28_200_960, 9: 6_670_903_752_021_072_936_960 } as const;

/** Full grids, and which of their cells are blank. */
const mostPuzzles = ({ size, blanks }: SudokuParams): number => {
  const [fewest, most] = typeof blanks === "number" ? [blanks, blanks] : blanks;
  return grids[size] * subsets(size * size, fewest, Math.min(most, size * size));
};

/** How many subsets of n things have `fewest` to `most` of them. */
const subsets = (n: number, fewest: number, most: number): number => {
  let [sum, ofSize] = [0, 1];
  for (let size = 0; size <= most; size += 1) {
    if (size >= fewest) sum += ofSize;
    // Whole at every step, and exact as long as a double is.
    ofSize = (ofSize * (n - size)) / (size + 1);
  }
  return sum;
};
