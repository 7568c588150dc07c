import { assert, describe, it } from "@effect/vitest";
import { generateSudoku } from "../../../tasks/sudoku/generate.ts";
import type { Grid } from "../../../tasks/sudoku/Grid.ts";
import { eliminate } from "../../../tasks/sudoku/solve.ts";
import { Random } from "../../../stats/Random.ts";
import { ImpossibleTask } from "../../../tasks/Task.ts";
import { sudokuParams } from "../params.ts";

/** Counts solutions up to two by brute force, cell after cell. */
const naiveCount = (grid: Array<Array<number>>, boxHeight: number, boxWidth: number): number => {
  const size = grid.length;
  const at = grid.flat().indexOf(0);
  if (at < 0) return 1;
  const [r, c] = [Math.floor(at / size), at % size];
  let count = 0;
  for (let digit = 1; digit <= size && count < 2; digit++) {
    const clash = grid.some((row, i) =>
      row.some((other, j) => {
        const sameBox =
          Math.floor(i / boxHeight) === Math.floor(r / boxHeight) &&
          Math.floor(j / boxWidth) === Math.floor(c / boxWidth);
        return other === digit && (i === r || j === c || sameBox);
      }),
    );
    if (clash) continue;
    grid[r]![c] = digit;
    count += naiveCount(grid, boxHeight, boxWidth);
    grid[r]![c] = 0;
  }
  return count;
};

const copy = (grid: Grid) => grid.map((row) => [...row]);
const blanksOf = (grid: Grid) => grid.flat().filter((digit) => digit === 0).length;

describe("generateSudoku", () => {
  it.each([
    [4, 8, 2, 2, 200],
    [6, 18, 2, 3, 60],
    [9, 40, 3, 3, 20],
  ] as const)(
    "%ix%i: the solution is unique and the blanks are as many as asked",
    (size, blanks, boxHeight, boxWidth, count) => {
      for (let i = 0; i < count; i++) {
        const puzzle = generateSudoku(sudokuParams({ size, blanks }), Random.of("unique", size, i));
        assert.strictEqual(blanksOf(puzzle), blanks);
        assert.strictEqual(naiveCount(copy(puzzle), boxHeight, boxWidth), 1);
      }
    },
  );

  it("draws the number of blanks from a range, both ends included", () => {
    const random = Random.of("range");
    const seen = new Set(
      Array.from({ length: 200 }, () =>
        blanksOf(generateSudoku(sudokuParams({ size: 4, blanks: [3, 5] }), random)),
      ),
    );
    assert.deepStrictEqual([...seen].sort(), [3, 4, 5]);
  });

  it("respects elimination and the number of visits", () => {
    const random = Random.of("visits");
    const params = sudokuParams({ size: 4, blanks: [4, 5], elimination: true, visits: 6 });
    for (let i = 0; i < 200; i++) {
      const trace = eliminate(generateSudoku(params, random));
      assert.isAtMost(trace.visits, 6);
      assert.strictEqual(trace.guesses, 0);
    }
  });

  it("gives different puzzles for different seeds", () => {
    const params = sudokuParams({ size: 9, blanks: 30 });
    const seen = new Set(
      Array.from({ length: 300 }, (_, i) => JSON.stringify(generateSudoku(params, Random.of(i)))),
    );
    assert.strictEqual(seen.size, 300);
  });

  it("throws with the params that no puzzle fits", () => {
    assert.throws(
      () => generateSudoku(sudokuParams({ size: 4, blanks: 13 }), Random.of(0)),
      ImpossibleTask,
      /gives a 4x4 puzzle with 13 blanks/,
    );
  });
});
