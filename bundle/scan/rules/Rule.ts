import type { Sort } from "../Finding.ts";
import { gap } from "../windows.ts";

/** A stretch of a text that should not be published. */
export interface Hit {
  readonly kind: string;
  readonly sort: Sort;
  readonly start: number;
  readonly end: number;
  /** What may be shown of it, being no part of the secret. */
  readonly open: string;
  /** Whether it was told by what stands beside it alone: a hit in the same place that knows its form says more. */
  readonly guessed?: true;
}

/**
 * Something that only needs a look where one of its `anchors` stands. `find` looks at a bounded stretch around `at`, where the anchor
 * begins, so that a text of nothing but anchors takes no longer than any other, give or take a factor.
 */
export interface Rule {
  /** In lower case; found in any. */
  readonly anchors: ReadonlyArray<string>;
  readonly find: (text: string, at: number) => Hit | undefined;
}

/** The match of a sticky `pattern` that begins at `at`. */
export const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

/** The hit of `secret`, with which a match from `at` on ends. */
export const endingIn = (
  secret: string,
  at: number,
  match: RegExpExecArray,
  about: Omit<Hit, "start" | "end">,
): Hit => {
  const end = at + match[0].length;
  return { ...about, start: end - secret.length, end };
};

/** How far back from `at` letters of `pattern` go, at most `most`. */
export const backOver = (pattern: RegExp, text: string, at: number, most: number): number => {
  let start = at;
  while (start > 0 && at - start < most && pattern.test(text[start - 1]!)) start -= 1;
  return start;
};

const letter = /[\p{L}\p{N}]/u;

/** Whether a word goes on before `start`. A single byte between other bytes is a length or a checksum rather than a letter. */
export const goesOnBefore = (text: string, start: number): boolean =>
  letter.test(text[start - 1] ?? " ") && text[start - 2] !== gap;

export const goesOnBehind = (text: string, end: number): boolean =>
  letter.test(text[end] ?? " ") && text[end + 1] !== gap;
