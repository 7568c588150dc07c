import type { Random } from "../Random.ts";
import { ImpossibleTask } from "../Task.ts";
import { Board } from "./Board.ts";
import { type Grid, gridOf, type Size } from "./Grid.ts";
import type { SudokuParams } from "./params.ts";
import { eliminate } from "./solve.ts";

const tries = 2_000;

/** A random puzzle with one solution that fulfils the parameters. Throws `ImpossibleTask` when none turns up. */
export function generateSudoku(params: SudokuParams, random: Random): Grid {
  const { size, blanks } = params;
  const [fewest, most] = typeof blanks === "number" ? [blanks, blanks] : blanks;
  if (fewest > most)
    throw new ImpossibleTask({
      message: `the least number of blanks, ${fewest}, is above the greatest, ${most}`,
    });
  for (let attempt = 0; attempt < tries; attempt++) {
    const puzzle = blankOut(size, random.integer(fewest, most), random);
    if (puzzle !== null && isWanted(puzzle, params)) return puzzle;
  }
  throw new ImpossibleTask({
    message: `${tries} random solutions and no ${size}x${size} puzzle with ${wish(params)}`,
  });
}

function isWanted(puzzle: Grid, { elimination, visits = Infinity }: SudokuParams): boolean {
  if (!elimination && visits === Infinity) return true;
  const trace = eliminate(puzzle);
  return trace.visits <= visits && !(elimination && trace.guesses > 0);
}

/** Blanks cells of a random solution in random order, skipping those without which the solution is not unique. */
function blankOut(size: Size, blanks: number, random: Random): Grid | null {
  const board = new Board(size, new Uint8Array(size * size));
  board.fill(random);
  let left = blanks;
  for (const cell of random.shuffle([...board.cells.keys()])) {
    if (left === 0) break;
    if (canBlank(board, cell)) left--;
  }
  return left === 0 ? gridOf(board.cells, size) : null;
}

/** Blanks the cell if every solution still has its digit there; else leaves it. */
function canBlank(board: Board, cell: number): boolean {
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
}

function wish({ blanks, elimination, visits }: SudokuParams): string {
  const wishes = [
    `${[blanks].flat().join(" to ")} blanks`,
    "a unique solution",
    ...(elimination ? ["no need to guess"] : []),
    ...(visits === undefined ? [] : [`at most ${visits} visits to cells`]),
  ];
  return wishes.join(", ");
}
