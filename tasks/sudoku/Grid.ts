/** Rows of digits, 0 for a blank. */
export type Grid = ReadonlyArray<ReadonlyArray<number>>;

export type Size = 4 | 6 | 9;

/** The geometry of a size of grid. Cells are numbered row by row. */
export interface Shape {
  readonly size: Size;
  readonly boxHeight: number;
  readonly boxWidth: number;
  readonly row: Uint8Array;
  readonly column: Uint8Array;
  readonly box: Uint8Array;
  /** For each cell the cells of its box, in reading order. */
  readonly boxCells: ReadonlyArray<ReadonlyArray<number>>;
}

const shapeOf = (size: Size, boxHeight: number, boxWidth: number): Shape => {
  const cells = Array.from({ length: size * size }, (_, cell) => cell);
  const row = Uint8Array.from(cells, (cell) => Math.floor(cell / size));
  const column = Uint8Array.from(cells, (cell) => cell % size);
  const across = size / boxWidth;
  const box = Uint8Array.from(
    cells,
    (cell) => Math.floor(row[cell]! / boxHeight) * across + Math.floor(column[cell]! / boxWidth),
  );
  return {
    size,
    boxHeight,
    boxWidth,
    row,
    column,
    box,
    boxCells: cells.map((cell) => cells.filter((other) => box[other] === box[cell])),
  };
};

const shapes: Readonly<Record<Size, Shape>> = {
  4: shapeOf(4, 2, 2),
  6: shapeOf(6, 2, 3),
  9: shapeOf(9, 3, 3),
};

export const isSize = (size: number): size is Size => size in shapes;

export const shape = (size: Size): Shape => shapes[size];

export const sizeOf = (grid: Grid): Size => grid.length as Size;

export const cellsOf = (grid: Grid): Uint8Array => Uint8Array.from(grid.flat());

export const gridOf = (cells: Uint8Array, size: Size): Grid =>
  Array.from({ length: size }, (_, row) =>
    Array.from(cells.subarray(row * size, (row + 1) * size)),
  );
