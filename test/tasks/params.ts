import { Schema } from "effect";
import { ImageParams } from "../../tasks/draw/Image.ts";
import { GraphColoringParams } from "../../tasks/graph-coloring/params.ts";
import { SudokuParams } from "../../tasks/sudoku/params.ts";

/** Decodes params with defaults. */
export const graphParams = (fields: object) =>
  Schema.decodeUnknownSync(GraphColoringParams)({ kind: "graph-coloring", ...fields });
export const sudokuParams = (fields: object) =>
  Schema.decodeUnknownSync(SudokuParams)({ kind: "sudoku", ...fields });
export const imageParams = (fields: object) => Schema.decodeUnknownSync(ImageParams)(fields);
