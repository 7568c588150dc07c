import type { FailureReason } from "../FailureReason.ts";
import type { CaptionErrors } from "../Task.ts";
import type { Grid } from "./Grid.ts";
import { firstClash } from "./read.ts";

/** Accepts a full grid that keeps the clues and has no digit twice in a row, column or box. */
export const judgeSudoku = (puzzle: Grid, answer: Grid): FailureReason | null => {
  if (puzzle.some((row, r) => row.some((clue, c) => clue !== 0 && answer[r]![c] !== clue)))
    return "clue-changed";
  return answer.some((row) => row.includes(0)) || firstClash(answer) !== null
    ? "not-a-solution"
    : null;
};

/** A digit in a blank is extra, a blank for a digit missing, another digit wrong. */
export const clueErrors = (truth: Grid, caption: Grid): CaptionErrors => {
  const errors = { extra: 0, missing: 0, wrong: 0 };
  truth.forEach((row, r) =>
    row.forEach((clue, c) => {
      const seen = caption[r]![c]!;
      if (seen === clue) return;
      errors[clue === 0 ? "extra" : seen === 0 ? "missing" : "wrong"] += 1;
    }),
  );
  return errors;
};

/** F1 of the caption's given digits, compared by row, column and value; 1 when neither grid has any. */
export const cluesF1 = (truth: Grid, caption: Grid): number => {
  let [total, found] = [0, 0];
  truth.forEach((row, r) =>
    row.forEach((clue, c) => {
      const seen = caption[r]![c]!;
      total += (clue === 0 ? 0 : 1) + (seen === 0 ? 0 : 1);
      if (clue !== 0 && seen === clue) found++;
    }),
  );
  return total === 0 ? 1 : (2 * found) / total;
};
