/** Searches a text with all rules. */
import type { KnownNames } from "../Finding.ts";
import { gap } from "../text/windows.ts";
import { Anchors } from "./Anchors.ts";
import { assignments } from "./assignments.ts";
import { ruleOf } from "./Form.ts";
import { machines } from "./machines.ts";
import { nameRules } from "./names.ts";
import { passwords } from "./passwords.ts";
import { people, usualEnding } from "./people.ts";
import type { Hit, Rule } from "./Rule.ts";
import { tokens } from "./tokens.ts";

/** The hits in the order of the text. */
export type Search = (text: string) => ReadonlyArray<Hit>;

export const searchFor = (known: KnownNames): Search => {
  const rules: ReadonlyArray<Rule> = [
    ...tokens.map(ruleOf),
    ...passwords.map(ruleOf),
    ...assignments,
    ...people,
    ...machines,
    ...nameRules(known),
  ];
  const anchors = new Anchors(rules);
  return (text) => {
    const hits: Array<Hit> = [];
    anchors.each(text, (rule, at) => {
      const hit = rule.find(text, at);
      if (hit === undefined || hit.end <= hit.start) return at;
      if (!mayBeChance(text, hit)) hits.push(hit);
      return hit.end;
    });
    return withoutGuesses(hits);
  };
};

/** Text among other bytes that is shorter than this may be chance. */
const sureRun = 16;

/** Whether a name or an address lies in a text among other bytes so short that random bytes hold such things. */
const mayBeChance = (text: string, { start, end, kind, sort }: Hit): boolean => {
  if (sort === "secret" || end - start >= sureRun) return false;
  let [from, to] = [start, end];
  while (from > 0 && start - from < sureRun && text[from - 1] !== gap) from -= 1;
  while (to < text.length && to - end < sureRun && text[to] !== gap) to += 1;
  if (to - from >= sureRun || (from === 0 && to === text.length)) return false;
  return kind === "e-mail address"
    ? !usualEnding.test(text.slice(start, end)) || end - start < 8
    : end - start < 5;
};

/** Without guesses that overlap a sure hit or the guess before. */
const withoutGuesses = (hits: Array<Hit>): ReadonlyArray<Hit> => {
  const order = hits.sort((a, b) => a.start - b.start || b.end - a.end);
  const sure = order.filter(({ isGuess }) => !isGuess);
  let [at, lastEnd] = [0, -1];
  return order.filter((hit) => {
    if (!hit.isGuess) return true;
    while (at < sure.length && sure[at]!.end <= hit.start) at += 1;
    const overlaps = at < sure.length && sure[at]!.start < hit.end;
    if (overlaps || hit.start < lastEnd) return false;
    lastEnd = hit.end;
    return true;
  });
};
