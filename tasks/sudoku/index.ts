import type { Task } from "../Task.ts";
import { drawSudoku } from "./draw.ts";
import { generateSudoku } from "./generate.ts";
import type { Grid } from "./Grid.ts";
import { clueErrors, cluesF1, judgeSudoku } from "./judge.ts";
import { checkSudoku, maxPuzzles } from "./limits.ts";
import { SudokuParams } from "./params.ts";
import { narrateSudoku } from "./narrate.ts";
import { promptSudoku } from "./prompt.ts";
import { readGridAnswer, readGridCaption, readPuzzle } from "./read.ts";
import { solveSudoku } from "./solve.ts";

/** Complete a Sudoku. The caption is the given digits by row and column; the answer is the full grid. */
export const sudoku: Task<SudokuParams, Grid, Grid> = {
  name: "sudoku",
  params: SudokuParams,
  check: checkSudoku,
  maxInstances: maxPuzzles,
  hasRandomLayout: () => false,
  generate: generateSudoku,
  identity: (grid) => grid.flat().join(""),
  difficulty: (grid) => grid.flat().filter((digit) => digit === 0).length,
  draw: drawSudoku,
  prompt: promptSudoku,
  perception: (grid) => JSON.stringify(grid.map((row) => row.map((digit) => digit || "-"))),
  groundTruth: (grid) => JSON.stringify(grid),
  readTruth: readPuzzle,
  solve: solveSudoku,
  narrate: narrateSudoku,
  readCaption: readGridCaption,
  readAnswer: readGridAnswer,
  perceptionF1: cluesF1,
  captionErrors: clueErrors,
  judge: judgeSudoku,
};
