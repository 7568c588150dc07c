/** Search rules and their hits. */
import type { Sort } from "../Finding.ts";

/** A stretch of a text that should not be published. */
export interface Hit {
  readonly kind: string;
  readonly sort: Sort;
  readonly start: number;
  readonly end: number;
  /** The part of it that is no secret and may be shown. */
  readonly open: string;
  /** Follows from the text beside it alone. A hit at the same place that follows from its own form replaces it. */
  readonly isGuess?: true;
}

/**
 * `find` is called where one of `anchors` stands, and looks at a bounded stretch around it, so the time is linear in the length of
 * the text, also for a text of nothing but anchors.
 */
export interface Rule {
  /** In lower case; they are found in any case. */
  readonly anchors: ReadonlyArray<string>;
  readonly find: (text: string, at: number) => Hit | undefined;
}

/** The match of a sticky `pattern` that begins at `at`. */
export const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

/** Where the characters of `pattern` before `at` begin, at most `most` of them. */
export const backOver = (pattern: RegExp, text: string, at: number, most: number): number => {
  let start = at;
  while (start > 0 && at - start < most && pattern.test(text[start - 1]!)) start -= 1;
  return start;
};

/** Whether `text` from `start` to `end` begins and ends where a word does. */
export const isWord = (text: string, start: number, end: number): boolean =>
  !letter.test(text[start - 1] ?? " ") && !letter.test(text[end] ?? " ");

const letter = /[\p{L}\p{N}]/u;
