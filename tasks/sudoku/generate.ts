import type { Random } from "../../stats/Random.ts";
import { ImpossibleTask } from "../Task.ts";
import { Board } from "./Board.ts";
import { type Grid, gridOf, type Size } from "./Grid.ts";
import type { SudokuParams } from "./params.ts";
import { eliminate } from "./solve.ts";

const tries = 2_000;

/** A random puzzle with one solution that fits the params. Throws `ImpossibleTask`. */
export const generateSudoku = (params: SudokuParams, random: Random): Grid => {
  const { size, blanks } = params;
  const [fewest, most] = typeof blanks === "number" ? [blanks, blanks] : blanks;
  for (let attempt = 0; attempt < tries; attempt++) {
    const puzzle = blankOut(size, random.integer(fewest, most), random);
    if (puzzle !== null && fitsParams(puzzle, params)) return puzzle;
  }
  throw new ImpossibleTask({
    message: `none of ${tries} random full grids gives a ${size}x${size} puzzle with ${description(params)}`,
  });
};

const fitsParams = (puzzle: Grid, { elimination, visits = Infinity }: SudokuParams): boolean => {
  if (!elimination && visits === Infinity) return true;
  const trace = eliminate(puzzle);
  return trace.visits <= visits && !(elimination && trace.guesses > 0);
};

/** Blanks cells of a random full grid in random order while the solution stays unique; null if too few can be. */
const blankOut = (size: Size, blanks: number, random: Random): Grid | null => {
  const board = new Board(size, new Uint8Array(size * size));
  board.fill(random);
  let left = blanks;
  for (const cell of random.shuffle([...board.cells.keys()])) {
    if (left === 0) break;
    if (tryBlank(board, cell)) left--;
  }
  return left === 0 ? gridOf(board.cells, size) : null;
};

/** Blanks the cell if the solution stays unique, and returns whether it did. */
const tryBlank = (board: Board, cell: number): boolean => {
  const digit = board.cells[cell]!;
  board.clear(cell);
  for (let rest = board.candidates(cell) & ~(1 << (digit - 1)); rest !== 0; rest &= rest - 1) {
    board.place(cell, 32 - Math.clz32(rest & -rest));
    const another = board.solutions(1) > 0;
    board.clear(cell);
    if (!another) continue;
    board.place(cell, digit);
    return false;
  }
  return true;
};

const description = ({ blanks, elimination, visits }: SudokuParams): string => {
  const parts = [
    `${[blanks].flat().join(" to ")} blanks`,
    "a unique solution",
    ...(elimination ? ["no need to guess"] : []),
    ...(visits === undefined ? [] : [`at most ${visits} visits to cells`]),
  ];
  return parts.join(", ");
};
