import type { Task } from "../Task.ts";
import { drawSudoku } from "./draw.ts";
import { generateSudoku } from "./generate.ts";
import type { Grid } from "./Grid.ts";
import { cluesF1, judgeSudoku } from "./judge.ts";
import { SudokuParams } from "./params.ts";
import { promptSudoku } from "./prompt.ts";
import { readGridAnswer, readGridCaption, readPuzzle } from "./read.ts";
import { solveSudoku } from "./solve.ts";

/** Complete a Sudoku. Seen: the given digits and where they stand. Answered: the full grid. */
export const sudoku: Task<SudokuParams, Grid, Grid> = {
  name: "sudoku",
  params: SudokuParams,
  generate: generateSudoku,
  identity: (grid) => grid.flat().join(""),
  draw: drawSudoku,
  prompt: promptSudoku,
  perception: (grid) => JSON.stringify(grid.map((row) => row.map((digit) => digit || "-"))),
  groundTruth: (grid) => JSON.stringify(grid),
  readTruth: readPuzzle,
  solve: solveSudoku,
  readCaption: readGridCaption,
  readAnswer: readGridAnswer,
  perceptionF1: cluesF1,
  judge: judgeSudoku,
};
