import type { Random } from "../../stats/Random.ts";
import type { Solution } from "../Task.ts";
import { synonym, withFiller } from "../wordy.ts";
import type { Grid } from "./Grid.ts";
import { eliminate, type Surroundings, type Wording } from "./solve.ts";

/** Filler sentences before each line. */
const filler = 2;

/**
 * The solver's trace in sentences: each pass visits the blanks in random order and lists the values in row, column and box,
 * again in random order.
 */
export const narrateSudoku = (puzzle: Grid, random: Random): Solution => {
  const { lines, solution } = eliminate(puzzle, wordy(random));
  if (solution === null) throw new Error("a Sudoku without a solution cannot be an instance");
  return { reasoning: withFiller(lines, filler, random), answer: JSON.stringify(solution) };
};

const parts = ["row", "column", "box"] as const satisfies ReadonlyArray<keyof Surroundings>;

const wordy = (random: Random): Wording => ({
  order: (blanks) => random.shuffle(blanks),
  visit: (cell, around, found) =>
    [
      `${synonym(random, "cell|square|place")} ${cell} has`,
      ...random.shuffle(parts).map((part) => `${part} ${around[part].join(" ")}`),
      `${synonym(random, "so|thus|hence")} -> ${found}`,
    ].join(" "),
});
