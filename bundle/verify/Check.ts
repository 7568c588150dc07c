/** The checks of verifying and their problems. */

export const levels = [1, 2, 3, 4, 5] as const;
export type Level = (typeof levels)[number];

export const levelNames: Readonly<Record<Level, string>> = {
  1: "bytes",
  2: "structure",
  3: "numbers and keys",
  4: "cheap stages rerun",
  5: "everything rerun",
};

export interface Problem {
  /** Below the top folder. */
  readonly file: string;
  /** The value in the file, such as `rows[loss=token].a.value`. */
  readonly number?: string;
  readonly expected: unknown;
  readonly found: unknown;
  readonly message: string;
  /** The files that give the expected value. */
  readonly from?: ReadonlyArray<string>;
}

/** A claimed number and the same number recomputed, as text. */
export interface ComparedNumber {
  /** `table[loss=token]/a` */
  readonly id: string;
  readonly claimed: string;
  readonly recomputed: string;
}

export interface Check {
  readonly level: Level;
  readonly what: string;
  /** The amount checked, such as `14 nodes`. */
  readonly looked: string;
  readonly ok: boolean;
  /** The first of `problemCount`. */
  readonly problems: ReadonlyArray<Problem>;
  readonly problemCount: number;
  /** Sentences on what the check does not cover. */
  readonly limits: ReadonlyArray<string>;
  /** Empty where the check compares no claimed numbers. */
  readonly numbers: ReadonlyArray<ComparedNumber>;
}

const mostProblems = 50;

/** Collects the problems of one check. */
export class Findings {
  readonly #level: Level;
  readonly #what: string;
  readonly #problems: Array<Problem> = [];
  readonly #limits = new Set<string>();
  readonly #numbers: Array<ComparedNumber> = [];
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

  compare(numbers: ReadonlyArray<ComparedNumber>): void {
    this.#numbers.push(...numbers);
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
      numbers: this.#numbers,
    };
  }
}

/** `1 file`, `1,200 files`. */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
