/** Replaces escapes, entities, terminal colours and invisible characters by what a reader sees. */
import { lastAtMost } from "./windows.ts";

export interface Unescaped {
  readonly text: string;
  /** Where the character at `index` comes from. */
  readonly origin: (index: number) => number;
}

// Each alternative begins with another character or has a bounded length, so the search is linear.
const hidden = new RegExp(
  String.raw`(?=[\\%&\x1b\u00ad-\uffff])(?:` +
    [
      String.raw`\\u\{[0-9a-f]{1,6}\}`,
      String.raw`\\u[0-9a-f]{4}`,
      String.raw`\\x[0-9a-f]{2}`,
      String.raw`\\[nrtbfe"'\/\\]`,
      String.raw`(?:%[0-9a-f]{2}){1,400}`,
      String.raw`&#(?:x[0-9a-f]{1,6}|[0-9]{1,7});?`,
      String.raw`&(?:quot|apos|lt|gt|amp|nbsp|commat|period);`,
      String.raw`\x1b\[[0-9;:?]{0,40}[a-z]`,
      String.raw`\x1b\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)`,
      "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]{1,100}",
    ].join("|") +
    ")",
  "gi",
);

const entities: Readonly<Record<string, string>> = {
  quot: '"',
  apos: "'",
  lt: "<",
  gt: ">",
  amp: "&",
  nbsp: " ",
  commat: "@",
  period: ".",
};

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  f: "\f",
  e: "\u001b",
};

const character = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : " ");

const ofBackslash = (escape: string): string => {
  const second = escape[1]!.toLowerCase();
  return second === "u" || second === "x"
    ? character(Number.parseInt(escape.replace(/[^0-9a-f]/gi, ""), 16))
    : (escapes[second] ?? second);
};

const ofEntity = (entity: string): string => {
  if (entity[1] !== "#") return entities[entity.slice(1, -1).toLowerCase()]!;
  const isHex = entity[2]!.toLowerCase() === "x";
  return character(Number.parseInt(entity.slice(isHex ? 3 : 2), isHex ? 16 : 10));
};

const replacement = (match: string): string => {
  if (match[0] === "\\") return ofBackslash(match);
  if (match[0] === "%") return Buffer.from(match.replaceAll("%", ""), "hex").toString("utf8");
  return match[0] === "&" ? ofEntity(match) : "";
};

const unescapeOnce = (text: string): Unescaped | undefined => {
  const parts: Array<string> = [];
  /** Where parts begin, in the new text and in the old. */
  const places: Array<readonly [number, number]> = [[0, 0]];
  let [from, length] = [0, 0];
  for (const match of text.matchAll(hidden)) {
    const kept = text.slice(from, match.index);
    const instead = replacement(match[0]);
    parts.push(kept, instead);
    places.push([length + kept.length, match.index]);
    from = match.index + match[0].length;
    length += kept.length + instead.length;
    places.push([length, from]);
  }
  if (from === 0) return undefined;
  parts.push(text.slice(from));
  return {
    text: parts.join(""),
    origin: (index) => {
      const [here, there] = places[lastAtMost(places, index)]!;
      return there + index - here;
    },
  };
};

/** A JSON string in a JSON string in a URL. */
const depth = 3;

/** `undefined` where nothing is escaped. */
export const unescape = (text: string): Unescaped | undefined => {
  let all: Unescaped | undefined;
  for (let i = 0; i < depth; i += 1) {
    const next = unescapeOnce(all?.text ?? text);
    if (next === undefined) return all;
    const before = all;
    all =
      before === undefined
        ? next
        : { text: next.text, origin: (index) => before.origin(next.origin(index)) };
  }
  return all;
};
