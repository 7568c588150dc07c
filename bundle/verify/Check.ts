/** What verifying says: one thing looked at after the other, each with what is wrong about it. */

export const levels = [1, 2, 3, 4, 5] as const;
export type Level = (typeof levels)[number];

export const levelNames: Readonly<Record<Level, string>> = {
  1: "bytes",
  2: "structure",
  3: "numbers and keys",
  4: "cheap stages made again",
  5: "everything run again",
};

export interface Problem {
  /** Below the top folder. */
  readonly file: string;
  /** Which value in it: `rows[loss=token].a.value`. */
  readonly number?: string;
  readonly expected: unknown;
  readonly found: unknown;
  readonly message: string;
  /** The files that the expected value follows from. */
  readonly from?: ReadonlyArray<string>;
}

export interface Check {
  readonly level: Level;
  readonly what: string;
  /** How much was looked at. */
  readonly looked: string;
  readonly ok: boolean;
  /** The first of them; `problemCount` says how many there are. */
  readonly problems: ReadonlyArray<Problem>;
  readonly problemCount: number;
  /** What this check can't say, each in a sentence. */
  readonly limits: ReadonlyArray<string>;
}

/** Enough to see what is going on. */
const mostProblems = 50;

/** Gathers what one check finds. */
export class Findings {
  readonly #level: Level;
  readonly #what: string;
  readonly #problems: Array<Problem> = [];
  readonly #limits = new Set<string>();
  #count = 0;

  constructor(level: Level, what: string) {
    this.#level = level;
    this.#what = what;
  }

  add(problem: Problem): void {
    this.#count += 1;
    if (this.#problems.length < mostProblems) this.#problems.push(problem);
  }

  limit(sentence: string): void {
    this.#limits.add(sentence);
  }

  check(looked: string): Check {
    return {
      level: this.#level,
      what: this.#what,
      looked,
      ok: this.#count === 0,
      problems: this.#problems,
      problemCount: this.#count,
      limits: [...this.#limits],
    };
  }
}

/** `1 file`, `1,200 files`. */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
