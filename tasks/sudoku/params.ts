import { Schema } from "effect";
import { byDefault } from "../../schemas/byDefault.ts";
import { Positive } from "../../schemas/numbers.ts";

const Blanks = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }));

/** The distribution of puzzles: random full grids with cells blanked while the solution stays unique. */
export const SudokuParams = Schema.Struct({
  kind: Schema.Literal("sudoku"),
  size: Schema.Literals([4, 6, 9]).annotate({
    description: "rows, columns and digits; boxes are 2 by 2, 2 rows by 3 columns, and 3 by 3",
  }),
  blanks: Schema.Union([Blanks, Schema.Tuple([Blanks, Blanks])]).annotate({
    description: "number of blank cells, or the least and greatest number, each equally likely",
  }),
  blank_cells: Schema.Literals(["empty", "zero"])
    .annotate({
      description:
        "how a blank cell is drawn: empty, or with the digit 0, so that every cell has a digit to read",
    })
    .pipe(byDefault("empty")),
  elimination: Schema.Boolean.annotate({
    description:
      "whether row, column and box must always leave some blank a single digit, so that nobody has to guess",
  }).pipe(byDefault(false)),
  visits: Schema.optionalKey(
    Positive.annotate({
      description: "most cells that the written-out solution may visit; left out: any number",
    }),
  ),
}).annotate({ description: "the blank cells of a board with one solution" });
export interface SudokuParams extends Schema.Schema.Type<typeof SudokuParams> {}
