/** Rules as data: a regular expression, a name, and an example that must match. */
import type { Sort } from "../Finding.ts";
import { matchAt, type Rule } from "./Rule.ts";

export interface Form {
  readonly kind: string;
  readonly sort: Sort;
  /** In lower case. One of them stands in each match: the pattern is tried nowhere else. */
  readonly anchors: ReadonlyArray<string>;
  /**
   * Matches from an anchor on; a group `before` in a lookbehind is part of the match. The group `value` is the secret; without it, all of
   * the match is. Repetitions are bounded, and a pattern with long ones does not begin in the middle of one.
   */
  readonly pattern: RegExp;
  readonly check?: (value: string) => boolean;
  readonly isGuess?: true;
  /** A text that must match; `{w34}` stands for 34 random letters and digits (`w`), hexadecimal digits (`h`) or capitals and digits (`u`). */
  readonly example: string;
}

export const ruleOf = ({ kind, sort, anchors, pattern, check, isGuess }: Form): Rule => {
  const sticky = new RegExp(pattern.source, `${pattern.flags}y`);
  return {
    anchors,
    find: (text, at) => {
      const match = matchAt(sticky, text, at);
      if (match === null) return undefined;
      const { before = "", value } = match.groups ?? {};
      const end = at + match[0].length;
      const start = value === undefined ? at - before.length : end - value.length;
      if (check !== undefined && !check(text.slice(start, end))) return undefined;
      const open = value === undefined && before === "" ? openOf(anchors, match[0]) : "";
      return { kind, sort, start, end, open, ...(isGuess ? { isGuess } : {}) };
    },
  };
};

/** The mark of a token is public. */
const openOf = (anchors: ReadonlyArray<string>, match: string): string => {
  const lower = match.toLowerCase();
  const longest = anchors
    .filter((anchor) => lower.startsWith(anchor))
    .reduce((found, anchor) => (anchor.length > found.length ? anchor : found), "");
  return match.slice(0, longest.length);
};
