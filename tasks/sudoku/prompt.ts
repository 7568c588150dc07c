import { type Grid, shape, sizeOf } from "./Grid.ts";

/** The question beside the picture: the size, the boxes, the goal and the format. */
export const promptSudoku = (grid: Grid): string => {
  const { size, boxHeight, boxWidth } = shape(sizeOf(grid));
  return [
    `The picture shows a ${size}x${size} Sudoku, partly filled in.`,
    `Fill the empty cells so that every row, every column and every box of ${boxHeight} rows by ${boxWidth} columns holds each digit from 1 to ${size} once.`,
    `Begin with what you see: the grid as a JSON list of ${size} rows between <caption> and </caption>, a number for a given digit and "-" for an empty cell.`,
    `Then reason. End with the complete grid as a JSON list of ${size} rows of numbers between <answer> and </answer>.`,
  ].join("\n");
};
