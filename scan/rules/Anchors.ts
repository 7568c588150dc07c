/** Finds the anchors of all rules in one pass over the text, by a table of their first two characters. */
import type { Rule } from "./Rule.ts";

interface Anchored {
  readonly anchor: string;
  readonly rule: Rule;
}

const lower = Uint8Array.from({ length: 128 }, (_, code) =>
  code >= 65 && code <= 90 ? code + 32 : code,
);

/** Characters outside ASCII share slots with ASCII; `startsHere` tells them apart. */
const slot = (first: number, second: number): number =>
  (lower[first & 127]! << 7) | lower[second & 127]!;

export class Anchors {
  private readonly slots: Array<Array<Anchored> | undefined> = Array.from({ length: 1 << 14 });
  private readonly isUsed = new Uint8Array(1 << 14);

  constructor(rules: ReadonlyArray<Rule>) {
    for (const rule of rules) {
      for (const anchor of rule.anchors) this.add({ anchor, rule });
    }
  }

  private add(anchored: Anchored): void {
    const { anchor } = anchored;
    const places = new Set<number>();
    for (const written of [anchor, anchor.toUpperCase()]) {
      if (anchor.length > 1) places.add(slot(written.charCodeAt(0), written.charCodeAt(1)));
      else
        for (let second = 0; second < 128; second += 1)
          places.add(slot(written.charCodeAt(0), second));
    }
    for (const place of places) {
      (this.slots[place] ??= []).push(anchored);
      this.isUsed[place] = 1;
    }
  }

  /** Calls `visit` where an anchor of a rule stands. It returns where the rule is to be tried again at the earliest. */
  each(text: string, visit: (rule: Rule, at: number) => number): void {
    const next = new Map<Rule, number>();
    let code = text.charCodeAt(0);
    for (let at = 0; at < text.length; at += 1) {
      const first = code;
      code = at + 1 < text.length ? text.charCodeAt(at + 1) : 0;
      const place = slot(first, code);
      if (this.isUsed[place] === 0) continue;
      for (const { anchor, rule } of this.slots[place]!) {
        if (!startsHere(text, at, anchor) || (next.get(rule) ?? 0) > at) continue;
        const again = visit(rule, at);
        if (again > at) next.set(rule, again);
      }
    }
  }
}

const startsHere = (text: string, at: number, anchor: string): boolean => {
  if (at + anchor.length > text.length) return false;
  for (let i = 0; i < anchor.length; i += 1) {
    const code = text.charCodeAt(at + i);
    const wanted = anchor.charCodeAt(i);
    if (code === wanted) continue;
    if (code < 128 ? lower[code] !== wanted : text[at + i]!.toLowerCase() !== anchor[i])
      return false;
  }
  return true;
};
