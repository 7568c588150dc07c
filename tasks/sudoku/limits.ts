import { countSubsets } from "../countSubsets.ts";
import { rangeIssues } from "../rangeIssues.ts";
import type { ParamIssue } from "../Task.ts";
import type { SudokuParams } from "./params.ts";

/**
 * The least number of clues of a puzzle with one solution. 9 by 9: G. McGuire, B. Tugemann and G. Civario, "There is no
 * 16-clue Sudoku", Experimental Mathematics 23 (2014), 190-217. 4 by 4 and 6 by 6: by exhaustive search,
 * https://en.wikipedia.org/wiki/Mathematics_of_Sudoku.
 */
const fewestClues = { 4: 4, 6: 8, 9: 17 } as const;

/** Refuses more blanks than any puzzle with one solution has. */
export const checkSudoku = ({ size, blanks }: SudokuParams): ReadonlyArray<ParamIssue> => {
  const most = size * size - fewestClues[size];
  const excess = [blanks].flat().findIndex((count) => count > most);
  return [
    ...(typeof blanks === "number" ? [] : rangeIssues("blanks", blanks)),
    ...(excess === -1
      ? []
      : [
          {
            path: ["blanks", ...(typeof blanks === "number" ? [] : [excess])],
            message: `a ${size}x${size} Sudoku with one solution has at most ${most} blanks, not ${[blanks].flat()[excess]}`,
            expected: `at most ${most}`,
          },
        ]),
  ];
};

/**
 * The number of full grids: OEIS A107739; 9 by 9 by B. Felgenhauer and F. Jarvis, "Mathematics of Sudoku I", Mathematical
 * Spectrum 39 (2006), 15-22.
 */
const grids = { 4: 288, 6: 28_200_960, 9: 6_670_903_752_021_072_936_960 } as const;

/** Full grids times sets of blank cells. It is an upper bound, as not every set leaves one solution. */
export const maxPuzzles = ({ size, blanks }: SudokuParams): number => {
  const [fewest, most] = typeof blanks === "number" ? [blanks, blanks] : blanks;
  return grids[size] * countSubsets(size * size, fewest, most);
};
