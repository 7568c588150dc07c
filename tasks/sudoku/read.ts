import { Result } from "effect";
import type { FailureReason } from "../FailureReason.ts";
import { asCount } from "../readValue.ts";
import { type Grid, isSize, shape, sizeOf } from "./Grid.ts";

const blanks: ReadonlySet<unknown> = new Set([0, null, "", "0", "-", ".", "_"]);

/** Reads a stored puzzle: rows of digits, 0 for a blank. The number of rows is its size. */
export const readPuzzle = (value: unknown): Result.Result<Grid, string> => {
  if (!Array.isArray(value) || !isSize(value.length))
    return Result.fail("the Sudoku is not a list of 4, 6 or 9 rows");
  const size = value.length;
  const grid: Array<Array<number>> = [];
  for (const row of value as ReadonlyArray<unknown>) {
    const at = `row ${grid.length + 1}`;
    if (!Array.isArray(row) || row.length !== size)
      return Result.fail(`${at} is not a list of ${size} cells`);
    const digits = row.map((cell) => readCell(cell, size) ?? -1);
    if (digits.includes(-1))
      return Result.fail(
        `${at}, column ${digits.indexOf(-1) + 1} is not a digit from 1 to ${size} or a blank`,
      );
    grid.push(digits);
  }
  const clash = firstClash(grid);
  return clash === null ? Result.succeed(grid) : Result.fail(`${clash} has a digit twice`);
};

/** Reads the rows of a caption or an answer, with any symbol for blanks. */
const readRows = (
  written: unknown,
  size: number,
  malformed: FailureReason,
): Result.Result<Grid, FailureReason> => {
  const json = Array.isArray(written) ? written.map(cellsOf) : written;
  if (!Array.isArray(json) || !json.every(Array.isArray)) return Result.fail(malformed);
  if (json.length !== size || json.some((row) => row.length !== size))
    return Result.fail("wrong-size");
  const grid: Array<Array<number>> = [];
  for (const row of json) {
    const digits: Array<number> = [];
    for (const cell of row) {
      const digit = readCell(cell, size);
      if (digit === undefined) return Result.fail(malformed);
      digits.push(digit);
    }
    grid.push(digits);
  }
  return Result.succeed(grid);
};

/** The cells of a row, which may be one string with a character for each cell: `"1--4"`. */
const cellsOf = (row: unknown): unknown =>
  typeof row === "string" ? [...row.replace(/[\s,|]/gu, "")] : row;

export const readGridCaption = (json: unknown, truth: Grid) =>
  readRows(json, truth.length, "bad-caption");

export const readGridAnswer = (json: unknown, truth: Grid) =>
  readRows(json, truth.length, "bad-answer");

const readCell = (cell: unknown, size: number): number | undefined => {
  // The fast path: nearly every cell is a number or an exact blank symbol.
  if (typeof cell === "number")
    return Number.isInteger(cell) && cell >= 0 && cell <= size ? cell : undefined;
  if (blanks.has(cell) || (typeof cell === "string" && cell.length <= 8 && blanks.has(cell.trim())))
    return 0;
  const digit = asCount(cell);
  return digit !== undefined && digit <= size ? digit : undefined;
};

/** The first row, column or box with a digit twice, numbered from 1, in reading order of the second occurrence. */
export const firstClash = (grid: Grid): string | null => {
  const { size, box } = shape(sizeOf(grid));
  const columns = new Uint16Array(size);
  const boxes = new Uint16Array(size);
  for (let r = 0; r < size; r++) {
    let inRow = 0;
    const row = grid[r]!;
    for (let c = 0; c < size; c++) {
      const bit = row[c] === 0 ? 0 : 1 << row[c]!;
      const b = box[r * size + c]!;
      if ((inRow & bit) !== 0) return `row ${r + 1}`;
      if ((columns[c]! & bit) !== 0) return `column ${c + 1}`;
      if ((boxes[b]! & bit) !== 0) return `box ${b + 1}`;
      inRow |= bit;
      columns[c]! |= bit;
      boxes[b]! |= bit;
    }
  }
  return null;
};
