import { Schema } from "effect";
import { byDefault } from "../../schemas/byDefault.ts";

const Blanks = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }));

/** Which puzzles to draw from: random solutions with cells blanked while the solution stays unique. */
export const SudokuParams = Schema.Struct({
  kind: Schema.Literal("sudoku"),
  size: Schema.Literals([4, 6, 9]).annotate({
    description: "Rows, columns and digits; boxes are 2 by 2, 2 rows by 3 columns, and 3 by 3.",
  }),
  blanks: Schema.Union([Blanks, Schema.Tuple([Blanks, Blanks])]).annotate({
    description: "Number of blank cells, or the least and greatest number, each equally likely.",
  }),
  elimination: Schema.Boolean.annotate({
    description:
      "Whether row, column and box must always leave some blank a single digit, so that nobody has to guess.",
  }).pipe(byDefault(false)),
  visits: Schema.optionalKey(
    Schema.Int.check(Schema.isGreaterThan(0)).annotate({
      description: "Most cells that the written-out solution may visit.",
    }),
  ),
});
export interface SudokuParams extends Schema.Schema.Type<typeof SudokuParams> {}
