import { assert, describe, it } from "@effect/vitest";
import { Random } from "../../../stats/Random.ts";
import { generateSudoku } from "../../../tasks/sudoku/generate.ts";
import { sudoku } from "../../../tasks/sudoku/index.ts";
import { eliminate } from "../../../tasks/sudoku/solve.ts";
import { respond } from "../../../tasks/transcript.ts";
import { sudokuParams } from "../params.ts";

describe("solveSudoku", () => {
  it("writes a line for each visit: cell, row, column, box, digit", () => {
    const puzzle = [
      [1, 0, 3, 4],
      [3, 4, 0, 0],
      [2, 1, 4, 3],
      [4, 3, 0, 1],
    ];
    assert.strictEqual(
      respond(sudoku, puzzle),
      `<caption>[[1,"-",3,4],[3,4,"-","-"],[2,1,4,3],[4,3,"-",1]]</caption>
r1c2 1 . 3 4 . 4 1 3 1 . 3 4 -> 2
r2c3 3 4 . . 3 . 4 . 3 4 . . -> ?
r2c4 3 4 . . 4 . 3 1 3 4 . . -> 2
r4c3 4 3 . 1 3 . 4 . 4 3 . 1 -> 2
r2c3 3 4 . 2 3 . 4 2 3 4 . 2 -> 1
<answer>[[1,2,3,4],[3,4,1,2],[2,1,4,3],[4,3,2,1]]</answer>`,
    );
  });

  it("guesses when elimination stalls and reverts wrong guesses", () => {
    let undone = 0;
    for (let i = 0; i < 200; i++) {
      const trace = eliminate(
        generateSudoku(sudokuParams({ size: 9, blanks: 50 }), Random.of("guess", i)),
      );
      const count = (word: string) => trace.lines.filter((line) => line.startsWith(word)).length;
      assert.strictEqual(count("guess"), trace.guesses);
      if (count("undo") > 0) undone++;
      // Every dead end reverts at least one guess; nothing else does.
      assert.isAtLeast(count("undo"), trace.lines.filter((line) => line.endsWith("!")).length);
      assert.isNotNull(trace.solution);
    }
    assert.isAtLeast(undone, 20);
  });

  it("returns null for a puzzle without a solution", () => {
    const hopeless = [
      [1, 2, 3, 0],
      [0, 0, 0, 4],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ];
    assert.isNull(eliminate(hopeless).solution);
  });
});
