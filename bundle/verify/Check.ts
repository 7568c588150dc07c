/** What verifying says: one thing looked at after the other, each with what is wrong about it. */

export const levels = [1, 2, 3, 4, 5] as const;
export type Level = (typeof levels)[number];

export const levelNames: Readonly<Record<Level, string>> = {
  1: "bytes",
  2: "structure",
  3: "numbers and keys",
  4: "cheap stages, made again",
  5: "everything, run again",
};

export interface Problem {
  /** Below the top folder; where several files disagree, the one that is likely wrong. */
  readonly file: string;
  /** Which number or value in it: `rows[loss=token].a.value`. */
  readonly number?: string;
  /** As JSON shows them. */
  readonly expected: string;
  readonly found: string;
  readonly message: string;
  /** What the expected value follows from. */
  readonly from?: ReadonlyArray<string>;
}

export interface Check {
  readonly level: Level;
  /** `scores`, and how much was looked at: `1,200 answers in 4 files`. */
  readonly what: string;
  readonly looked: string;
  readonly ok: boolean;
  readonly problems: ReadonlyArray<Problem>;
  /** What this check can't say, each in a sentence. */
  readonly limits?: ReadonlyArray<string>;
}

/** Enough to see what is going on. */
export const mostProblems = 50;
