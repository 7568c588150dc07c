/** All rules over one text. */
import { Anchors } from "./Anchors.ts";
import type { Known } from "./Finding.ts";
import { assignments } from "./rules/assignments.ts";
import { headers } from "./rules/headers.ts";
import { knownRules } from "./rules/known.ts";
import { machines } from "./rules/machines.ts";
import { people, usualEnding } from "./rules/people.ts";
import type { Hit, Rule } from "./rules/Rule.ts";
import { tokens } from "./rules/tokens.ts";
import { gap } from "./windows.ts";

export type Search = (text: string) => ReadonlyArray<Hit>;

/** Text among other bytes that is shorter than this may be chance. */
const sureRun = 16;

export const searchFor = (known: Known): Search => {
  const rules: ReadonlyArray<Rule> = [
    ...tokens,
    ...headers,
    ...assignments,
    ...people,
    ...machines,
    ...knownRules(known),
  ];
  const anchors = new Anchors(rules);
  return (text) => {
    const hits: Array<Hit> = [];
    anchors.each(text, (rule, at) => {
      const hit = rule.find(text, at);
      if (hit !== undefined && hit.end > hit.start && !mayBeChance(text, hit)) hits.push(hit);
    });
    return withoutGuesses(hits);
  };
};

/** Whether a name or an address lies in a bit of text so short that random bytes hold such things. */
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

/** What was told by its form is told better than what was told by what stands beside it. */
const withoutGuesses = (hits: Array<Hit>): ReadonlyArray<Hit> => {
  const order = hits.sort((a, b) => a.start - b.start || b.end - a.end);
  const known = order.filter((hit) => !hit.guessed);
  const kept: Array<Hit> = [...known];
  let [at, lastEnd] = [0, -1];
  for (const hit of order) {
    if (!hit.guessed) continue;
    while (at < known.length && known[at]!.end <= hit.start) at += 1;
    const isKnown = at < known.length && known[at]!.start < hit.end;
    if (!isKnown && hit.start >= lastEnd) {
      kept.push(hit);
      lastEnd = hit.end;
    }
  }
  return kept;
};
