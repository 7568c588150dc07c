/** A text with what hides its characters undone: escapes, entities, colours, characters that nobody sees. */
import { lastAtMost } from "./windows.ts";

export interface Decoded {
  readonly text: string;
  /** Where the character at `index` comes from. */
  readonly origin: (index: number) => number;
}

// One alternative a way of hiding. Each begins with another character or is of bounded length, so the search is linear.
const hidden = new RegExp(
  String.raw`(?=[\\%&\x1b\u00ad-\uffff])(?:` +
    [
      String.raw`\\u\{[0-9a-f]{1,6}\}`,
      String.raw`\\u[0-9a-f]{4}`,
      String.raw`\\x[0-9a-f]{2}`,
      String.raw`\\[0-3][0-7]{2}`,
      String.raw`\\\r?\n[ \t]{0,100}`, // a line that goes on
      String.raw`\\[nrtbfe"'\/\\]`,
      String.raw`(?:%[0-9a-f]{2}){1,400}`,
      String.raw`&#x[0-9a-f]{1,6};?`,
      String.raw`&#[0-9]{1,7};?`,
      String.raw`&(?:commat|period|colon|sol|lowbar|hyphen|equals|quot|apos|lt|gt|amp|nbsp|shy|zwj|zwnj);`,
      String.raw`\x1b\[[0-9;:?]{0,40}[a-z]`,
      String.raw`\x1b\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)`,
      "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]{1,100}",
      "[\uff01-\uff5e]{1,400}",
      "(?:\ud835[\udc00-\udfff]){1,400}", // mathematical letters
      "(?:\udb40[\udc00-\udfff]){1,400}", // tags: letters without a picture
    ].join("|") +
    ")",
  "gi",
);

const named: Readonly<Record<string, string>> = {
  commat: "@",
  period: ".",
  colon: ":",
  sol: "/",
  lowbar: "_",
  hyphen: "-",
  equals: "=",
  quot: '"',
  apos: "'",
  lt: "<",
  gt: ">",
  amp: "&",
  nbsp: " ",
};

const short: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  f: "\f",
  e: "\u001b",
};

const character = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : " ");

const fromBackslash = (match: string): string => {
  const second = match[1]!.toLowerCase();
  if (second === "u" || second === "x")
    return character(Number.parseInt(match.replace(/[^0-9a-f]/gi, "").slice(0, 6), 16));
  if (/[0-3]/.test(second)) return character(Number.parseInt(match.slice(1), 8));
  return second === "\n" || second === "\r" ? "" : (short[second] ?? second);
};

const fromEntity = (match: string): string => {
  if (match[1] !== "#") return named[match.slice(1, -1).toLowerCase()] ?? "";
  const isHex = match[2]!.toLowerCase() === "x";
  return character(Number.parseInt(match.slice(isHex ? 3 : 2), isHex ? 16 : 10));
};

const fromTags = (match: string): string =>
  Array.from(match, (letter) => letter.codePointAt(0)! - 0xe0000)
    .filter((code) => code >= 0x20 && code < 0x7f)
    .map(character)
    .join("");

const shownAs = (match: string): string => {
  const first = match[0]!;
  if (first === "\\") return fromBackslash(match);
  if (first === "%") return Buffer.from(match.replaceAll("%", ""), "hex").toString("utf8");
  if (first === "&") return fromEntity(match);
  if (first === "\udb40") return fromTags(match);
  return first === "\ud835" || (first >= "\uff01" && first <= "\uff5e")
    ? match.normalize("NFKC")
    : "";
};

const once = (text: string): Decoded | undefined => {
  const parts: Array<string> = [];
  /** Where parts begin, in the new text and in the old. */
  const places: Array<readonly [number, number]> = [[0, 0]];
  let [from, length] = [0, 0];
  for (const match of text.matchAll(hidden)) {
    const kept = text.slice(from, match.index);
    const instead = shownAs(match[0]);
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

/** A JSON string in a JSON string in a URL is deep enough. */
const depth = 4;

/** `undefined` where nothing is hidden. */
export const decoded = (text: string): Decoded | undefined => {
  let all: Decoded | undefined;
  for (let i = 0; i < depth; i += 1) {
    const next = once(all?.text ?? text);
    if (next === undefined) return all;
    const before = all;
    all =
      before === undefined
        ? next
        : { text: next.text, origin: (index) => before.origin(next.origin(index)) };
  }
  return all;
};
