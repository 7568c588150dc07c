import type { Random } from "../../stats/Random.ts";
import { shape, type Shape, type Size } from "./Grid.ts";

const bitCounts = Uint8Array.from(
  { length: 512 },
  (_, bits) => bits.toString(2).replaceAll("0", "").length,
);

/** The digits of a set, ascending; bit 0 is digit 1. */
export const digitsIn = (bits: number): Array<number> => {
  const digits: Array<number> = [];
  for (let digit = 1; bits >> (digit - 1) !== 0; digit++)
    if ((bits >> (digit - 1)) & 1) digits.push(digit);
  return digits;
};

/** A partly filled grid, with the digits of each row, column and box as bits. */
export class Board {
  readonly shape: Shape;
  readonly cells: Uint8Array;
  private readonly rows: Uint16Array;
  private readonly columns: Uint16Array;
  private readonly boxes: Uint16Array;
  private readonly all: number;

  constructor(size: Size, cells: Uint8Array) {
    this.shape = shape(size);
    this.cells = new Uint8Array(size * size);
    this.rows = new Uint16Array(size);
    this.columns = new Uint16Array(size);
    this.boxes = new Uint16Array(size);
    this.all = (1 << size) - 1;
    cells.forEach((digit, cell) => {
      if (digit !== 0) this.place(cell, digit);
    });
  }

  /** The digits absent from the cell's row, column and box, as bits. */
  candidates(cell: number): number {
    const { row, column, box } = this.shape;
    return (
      this.all & ~(this.rows[row[cell]!]! | this.columns[column[cell]!]! | this.boxes[box[cell]!]!)
    );
  }

  place(cell: number, digit: number): void {
    this.cells[cell] = digit;
    this.toggle(cell, digit);
  }

  clear(cell: number): void {
    this.toggle(cell, this.cells[cell]!);
    this.cells[cell] = 0;
  }

  private toggle(cell: number, digit: number): void {
    const { row, column, box } = this.shape;
    const bit = 1 << (digit - 1);
    this.rows[row[cell]!]! ^= bit;
    this.columns[column[cell]!]! ^= bit;
    this.boxes[box[cell]!]! ^= bit;
  }

  /** The first blank with the fewest candidates, or -1 without blanks. */
  tightest(): number {
    let [best, fewest] = [-1, Infinity];
    for (let cell = 0; cell < this.cells.length; cell++) {
      if (this.cells[cell] !== 0) continue;
      const count = bitCounts[this.candidates(cell)]!;
      if (count >= fewest) continue;
      [best, fewest] = [cell, count];
      if (count <= 1) break;
    }
    return best;
  }

  /** The number of solutions, at most `limit`. Leaves the board unchanged. */
  solutions(limit: number): number {
    const cell = this.tightest();
    if (cell < 0) return 1;
    let found = 0;
    for (let rest = this.candidates(cell); rest !== 0 && found < limit; rest &= rest - 1) {
      this.place(cell, 32 - Math.clz32(rest & -rest));
      found += this.solutions(limit - found);
      this.clear(cell);
    }
    return found;
  }

  /** Fills the blanks with a random solution; returns false and leaves the board unchanged if there is none. */
  fill(random: Random): boolean {
    const cell = this.tightest();
    if (cell < 0) return true;
    for (const digit of random.shuffle(digitsIn(this.candidates(cell)))) {
      this.place(cell, digit);
      if (this.fill(random)) return true;
      this.clear(cell);
    }
    return false;
  }
}
