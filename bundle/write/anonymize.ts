/**
 * Removes for double-blind review, as `--anonymous` asks:
 *
 * - people and addresses in `package.json`, and the copyright holder in LICENSE, whose terms stay;
 * - names, e-mail addresses, ORCIDs and home directories in *comments* of the spec: no key depends on a comment. Values stay, since
 *   keys and claims depend on them, and the scan refuses names there;
 * - nothing in sources and artifacts, since the numbers depend on their digests. The scan refuses the names in `KnownNames.withheld`
 *   there, and the author decides.
 */
import fs from "node:fs";
import { Lexer } from "yaml";
import { withheldMark } from "./authorNames.ts";
import type { KnownNames } from "../../scan/Finding.ts";
import { searchFor, type Search } from "../../scan/rules/search.ts";
import { textBytes } from "../format/content.ts";
import type { Entry } from "../format/format.ts";

export const anonymize = (
  entries: ReadonlyArray<Entry>,
  known: KnownNames,
): ReadonlyArray<Entry> => {
  const changes: Readonly<Record<string, (text: string) => string>> = {
    "data/experiment.yaml": (text) => anonymousSpec(text, known),
    "data/environment/package.json": anonymousPackage,
    "data/source/package.json": anonymousPackage,
    "data/source/LICENSE": anonymousLicense,
  };
  return entries.map((entry) => {
    const change = changes[entry.path];
    return change === undefined
      ? entry
      : { ...entry, content: textBytes(change(textOf(entry.content))) };
  });
};

const textOf = (content: Entry["content"]): string =>
  content instanceof Uint8Array
    ? new TextDecoder().decode(content)
    : fs.readFileSync(content.file, "utf8");

const personalFields = [
  "author",
  "contributors",
  "maintainers",
  "repository",
  "bugs",
  "homepage",
  "funding",
];

export const anonymousPackage = (text: string): string => {
  const kept = Object.entries(JSON.parse(text) as object).filter(
    ([name]) => !personalFields.includes(name),
  );
  return `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`;
};

/** For our own licence; the terms of others require their authors' names. */
export const anonymousLicense = (text: string): string =>
  text.replaceAll(
    /^([ \t]*(?:copyright|©|\(c\))[ \t]*(?:©|\(c\))?[ \t]*[\d, –-]*).*$/gim,
    `$1${withheldMark}`,
  );

/** Tokens of the lexer that stand for no text. */
const marks = { document: "\u0002", scalar: "\u001f", flowEnd: "\u0018" };

/** Removes names from comments; everything else stays byte for byte, so diagnostics name the same lines. */
export const anonymousSpec = (text: string, known: KnownNames): string => {
  const search = searchFor(known);
  const tokens = [...new Lexer().lex(text)];
  return tokens
    .map((token, i) => {
      if (Object.values(marks).includes(token)) return "";
      return token.startsWith("#") && tokens[i - 1] !== marks.scalar
        ? withoutNames(token, search)
        : token;
    })
    .join("");
};

/** `Jane Roe <…>`: a name before an address, known or not. */
const nameBefore = /(?:\p{Lu}[\p{L}\p{M}.'’-]{0,40}[ \t]{1,3}){0,5}["']?[ \t]{0,2}<$/u;

const withoutNames = (comment: string, search: Search): string => {
  const named = search(comment)
    .filter(({ sort }) => sort === "person" || sort === "machine")
    .map(({ start, end }) => {
      const before = nameBefore.exec(comment.slice(0, start));
      return before === null || comment[end] !== ">"
        ? { start, end }
        : { start: before.index, end: end + 1 };
    })
    .toSorted((a, b) => a.start - b.start);
  let [shown, kept] = ["", 0];
  for (const { start, end } of named) {
    // A name may lie in another: the family name in that of a person.
    if (start >= kept) shown += `${comment.slice(kept, start)}(${withheldMark})`;
    kept = Math.max(kept, end);
  }
  return shown + comment.slice(kept);
};
