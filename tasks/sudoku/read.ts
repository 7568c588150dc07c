import { Result } from "effect";
import type { FailureReason } from "../FailureReason.ts";
import { asCount } from "../readValue.ts";
import { cellsOf, type Grid, isSize, shape, sizeOf } from "./Grid.ts";

const blanks: ReadonlySet<unknown> = new Set([0, null, "", "0", "-", ".", "_"]);

/** A stored puzzle: rows of digits, 0 for a blank; its size is the number of rows. */
export function readPuzzle(value: unknown): Result.Result<Grid, string> {
  if (!Array.isArray(value) || !isSize(value.length))
    return Result.fail("the Sudoku is not a list of 4, 6 or 9 rows");
  const size = value.length;
  for (const [r, row] of value.entries()) {
    if (!Array.isArray(row) || row.length !== size)
      return Result.fail(`row ${r + 1} is not a list of ${size} cells`);
    for (const [c, cell] of row.entries()) {
      if (readCell(cell, size) === undefined)
        return Result.fail(
          `row ${r + 1}, column ${c + 1} is not a digit from 1 to ${size} or a blank`,
        );
    }
  }
  const grid: Grid = value.map((row: ReadonlyArray<unknown>) =>
    row.map((cell) => readCell(cell, size)!),
  );
  const clash = firstClash(grid);
  return clash === null ? Result.succeed(grid) : Result.fail(`${clash} holds a digit twice`);
}

/** A caption's or answer's rows, any of the blanks allowed. */
function readRows(
  json: unknown,
  size: number,
  malformed: FailureReason,
): Result.Result<Grid, FailureReason> {
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
}

export const readGridCaption = (json: unknown, truth: Grid) =>
  readRows(json, truth.length, "bad-caption");

export const readGridAnswer = (json: unknown, truth: Grid) =>
  readRows(json, truth.length, "bad-answer");

function readCell(cell: unknown, size: number): number | undefined {
  if (blanks.has(cell) || (typeof cell === "string" && cell.length <= 8 && blanks.has(cell.trim())))
    return 0;
  const digit = asCount(cell);
  return digit !== undefined && digit <= size ? digit : undefined;
}

/** The first row, column or box (named from 1) that holds a digit twice. */
export function firstClash(grid: Grid): string | null {
  const { row, column, box, size } = shape(sizeOf(grid));
  const cells = cellsOf(grid);
  for (const [name, unitOf] of [
    ["row", row],
    ["column", column],
    ["box", box],
  ] as const) {
    const seen = new Uint16Array(size);
    for (let cell = 0; cell < cells.length; cell++) {
      const unit = unitOf[cell]!;
      const bit = cells[cell] === 0 ? 0 : 1 << cells[cell]!;
      if ((seen[unit]! & bit) !== 0) return `${name} ${unit + 1}`;
      seen[unit]! |= bit;
    }
  }
  return null;
}
