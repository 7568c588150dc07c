import type { Solution } from "../Task.ts";
import { Board, digitsIn } from "./Board.ts";
import { cellsOf, type Grid, gridOf, sizeOf } from "./Grid.ts";

export interface EliminationTrace {
  readonly lines: ReadonlyArray<string>;
  /** Null when the puzzle has no solution. */
  readonly solution: Grid | null;
  readonly visits: number;
  readonly guesses: number;
}

/** What a visit to a blank found: the only digit left, a choice, or nothing left. */
type Found = number | "?" | "!";

/**
 * Elimination in passes over the blanks in reading order, written out: a line a visited blank with its cell, the values
 * of its row, column and box (`.` blank), and `-> D` when one digit is left, `-> ?` when several are, `-> !` when none.
 * When a pass fills nothing, the blank with the fewest candidates is guessed (`guess CELL D`); at a `!` everything since the
 * latest guess is taken back (`undo CELL D`) and that blank's next digit guessed.
 */
export function eliminate(puzzle: Grid): EliminationTrace {
  const size = sizeOf(puzzle);
  const lines: Array<string> = [];
  const tally = { visits: 0, guesses: 0 };

  const visit = (board: Board, cell: number): Found => {
    const digits = digitsIn(board.candidates(cell));
    const found = digits.length === 1 ? digits[0]! : digits.length === 0 ? "!" : "?";
    tally.visits++;
    lines.push(`${cellName(cell, size)} ${surroundings(board, cell)} -> ${found}`);
    return found;
  };

  const solveFrom = (board: Board): Board | null => {
    for (;;) {
      const blanks = [...board.cells.keys()].filter((cell) => board.cells[cell] === 0);
      if (blanks.length === 0) return board;
      let filled = 0;
      for (const cell of blanks) {
        const found = visit(board, cell);
        if (found === "!") return null;
        if (found === "?") continue;
        board.place(cell, found);
        filled++;
      }
      if (filled === 0) return guess(board);
    }
  };

  const guess = (board: Board): Board | null => {
    const cell = board.tightest();
    for (const digit of digitsIn(board.candidates(cell))) {
      tally.guesses++;
      lines.push(`guess ${cellName(cell, size)} ${digit}`);
      const copy = new Board(size, board.cells);
      copy.place(cell, digit);
      const solved = solveFrom(copy);
      if (solved !== null) return solved;
      lines.push(`undo ${cellName(cell, size)} ${digit}`);
    }
    return null;
  };

  const solved = solveFrom(new Board(size, cellsOf(puzzle)));
  return { lines, solution: solved && gridOf(solved.cells, size), ...tally };
}

/** The written-out solution of a puzzle that has one. */
export function solveSudoku(puzzle: Grid): Solution {
  const { lines, solution } = eliminate(puzzle);
  if (solution === null) throw new Error("a Sudoku without a solution cannot be an instance");
  return { reasoning: lines.join("\n"), answer: JSON.stringify(solution) };
}

const cellName = (cell: number, size: number) =>
  `r${Math.floor(cell / size) + 1}c${(cell % size) + 1}`;

function surroundings(
  { cells, shape: { size, row, column, boxCells } }: Board,
  cell: number,
): string {
  const line = Array.from({ length: size }, (_, i) => i);
  const seen = [
    ...line.map((i) => row[cell]! * size + i),
    ...line.map((i) => i * size + column[cell]!),
    ...boxCells[cell]!,
  ];
  return seen.map((other) => cells[other] || ".").join(" ");
}
