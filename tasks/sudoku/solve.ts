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

/** The result of a visit to a blank: its only candidate, several (`?`) or none (`!`). */
export type Found = number | "?" | "!";

export interface Surroundings {
  readonly row: ReadonlyArray<number | string>;
  readonly column: ReadonlyArray<number | string>;
  readonly box: ReadonlyArray<number | string>;
}

/** The style of a trace: the order in which a pass visits the blanks, and the line for a visit. */
export interface Wording {
  readonly order: (blanks: ReadonlyArray<number>) => ReadonlyArray<number>;
  readonly visit: (cell: string, around: Surroundings, found: Found) => string;
}

const terse: Wording = {
  order: (blanks) => blanks,
  visit: (cell, { row, column, box }, found) =>
    `${cell} ${[...row, ...column, ...box].join(" ")} -> ${found}`,
};

/**
 * The trace of elimination in passes over the blanks. Each visit to a blank is a line with its cell, the values of its row,
 * column and box (`.` blank), and the candidates: `-> D` for one digit, `-> ?` for several, `-> !` for none. When a pass fills
 * nothing, the blank with the fewest candidates is guessed (`guess CELL D`). A `!` reverts everything since the latest guess
 * (`undo CELL D`) and guesses that blank's next digit.
 */
export const eliminate = (puzzle: Grid, wording: Wording = terse): EliminationTrace => {
  const size = sizeOf(puzzle);
  const lines: Array<string> = [];
  const tally = { visits: 0, guesses: 0 };

  const visit = (board: Board, cell: number): Found => {
    const digits = digitsIn(board.candidates(cell));
    const found = digits.length === 1 ? digits[0]! : digits.length === 0 ? "!" : "?";
    tally.visits++;
    lines.push(wording.visit(cellName(cell, size), surroundings(board, cell), found));
    return found;
  };

  const solveFrom = (board: Board): Board | null => {
    for (;;) {
      const blanks = wording.order(
        [...board.cells.keys()].filter((cell) => board.cells[cell] === 0),
      );
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
};

/** The worked solution of a puzzle that has one. */
export const solveSudoku = (puzzle: Grid): Solution => {
  const { lines, solution } = eliminate(puzzle);
  if (solution === null) throw new Error("a Sudoku without a solution cannot be an instance");
  return { reasoning: lines.join("\n"), answer: JSON.stringify(solution) };
};

const cellName = (cell: number, size: number) =>
  `r${Math.floor(cell / size) + 1}c${(cell % size) + 1}`;

/** The values in the row, the column and the box of a cell. */
const surroundings = (
  { cells, shape: { size, row, column, boxCells } }: Board,
  cell: number,
): Surroundings => {
  const line = Array.from({ length: size }, (_, i) => i);
  const values = (others: ReadonlyArray<number>) => others.map((other) => cells[other] || ".");
  return {
    row: values(line.map((i) => row[cell]! * size + i)),
    column: values(line.map((i) => i * size + column[cell]!)),
    box: values(boxCells[cell]!),
  };
};
