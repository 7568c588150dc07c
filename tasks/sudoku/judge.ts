import type { FailureReason } from "../FailureReason.ts";
import type { Grid } from "./Grid.ts";
import { firstClash } from "./read.ts";

/** A full grid that keeps the clues and breaks no row, column or box. */
export function judgeSudoku(puzzle: Grid, answer: Grid): FailureReason | null {
  if (puzzle.some((row, r) => row.some((clue, c) => clue !== 0 && answer[r]![c] !== clue)))
    return "clue-changed";
  return answer.some((row) => row.includes(0)) || firstClash(answer) !== null
    ? "not-a-solution"
    : null;
}

/** F1 over given digits, each told by its row, column and value; 1 when neither grid has any. */
export function cluesF1(truth: Grid, caption: Grid): number {
  let [total, found] = [0, 0];
  truth.forEach((row, r) =>
    row.forEach((clue, c) => {
      const seen = caption[r]![c]!;
      total += (clue === 0 ? 0 : 1) + (seen === 0 ? 0 : 1);
      if (clue !== 0 && seen === clue) found++;
    }),
  );
  return total === 0 ? 1 : (2 * found) / total;
}
