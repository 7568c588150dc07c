/**
 * What `--anonymous` drops or replaces, for double-blind review:
 *
 * - the commit and the origin of the product: both lead to a page with names;
 * - in `package.json` everybody and every address of a page; in LICENSE who has the copyright, not the terms;
 * - in the spec, names, e-mail addresses with the name before them, ORCIDs and home directories in *comments*: no key depends on a
 *   comment. In values they stay, since keys and claims hang on them, and the scan refuses them;
 * - nothing in sources and artifacts, whose digests are what the numbers hang on. The scan, told of `withheldNames`, refuses what is
 *   left, and its author decides.
 *
 * ORCIDs are refused as well, in anonymous bundles only: in others they are how authors want to be found.
 */
import { Lexer } from "yaml";
import type { BundleRun } from "../format.ts";
import { searchFor } from "./findIn.ts";
import type { Known } from "./Finding.ts";

const withheld = "withheld for review";

export const anonymousRun = (run: BundleRun): BundleRun => ({
  ...run,
  pipe: { version: run.pipe.version },
});

const ofPeople = [
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
    ([name]) => !ofPeople.includes(name),
  );
  return `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`;
};

/** Of our own licence; those of others name their authors as their terms ask for. */
export const anonymousLicense = (text: string): string =>
  text.replaceAll(
    /^([ \t]*(?:copyright|©|\(c\))[ \t]*(?:©|\(c\))?[ \t]*[\d, –-]*).*$/gim,
    `$1${withheld}`,
  );

/** What the lexer says of its own: a document begins, a scalar follows, a flow ends. */
const marks = { document: "\u0002", scalar: "\u001f", flowEnd: "\u0018" };

/** Comments without names; everything else byte for byte, so lines stay where diagnostics say they are. */
export const anonymousSpec = (text: string, known: Known): string => {
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

/** `Jane Roe <…>`: whoever has an address has a name before it, known or not. */
const nameBefore = /(?:\p{Lu}[\p{L}\p{M}.'’-]{0,40}[ \t]{1,3}){0,5}["']?[ \t]{0,2}<$/u;

const withoutNames = (comment: string, search: ReturnType<typeof searchFor>): string => {
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
    // A name may lie in another: the family's in that of a person.
    if (start >= kept) shown += `${comment.slice(kept, start)}(${withheld})`;
    kept = Math.max(kept, end);
  }
  return shown + comment.slice(kept);
};

/** Of a repository. */
export interface History {
  /** `name <address>` of each author that it knows. */
  readonly gitAuthors: ReadonlyArray<string>;
  /** Its addresses: `git remote -v`. */
  readonly gitRemotes: ReadonlyArray<string>;
}

export interface Origins extends History {
  readonly packageJson: string;
  readonly license: string;
}

/** The names by which the authors could be known: for `Known.withheld`. */
export const withheldNames = (origins: Origins): ReadonlyArray<string> => {
  const own = JSON.parse(origins.packageJson) as Readonly<Record<string, unknown>>;
  const people = [own["author"], own["contributors"], own["maintainers"]].flat();
  const holders = [
    ...origins.license.matchAll(/^[ \t]*copyright(?:[ \t]*(?:©|\(c\)))?[ \t\d,–-]*(.+)$/gim),
  ];
  const names = [
    ...people.flatMap(namesOfPerson),
    ...holders.map(([, holder = ""]) => holder.trim()),
    ...[own["repository"], own["homepage"]].flatMap(addresses).flatMap(namesOfRepository),
  ];
  return distinct([...names, ...namesInHistory(origins)]);
};

/** The same of the people whose work is bundled. */
export const namesInHistory = ({ gitAuthors, gitRemotes }: History): ReadonlyArray<string> =>
  distinct([
    ...gitAuthors.flatMap(namesOfPerson),
    ...gitAuthors.flatMap(familyName),
    ...gitRemotes.flatMap(namesOfRepository),
  ]);

const distinct = (names: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(names.filter((name) => name.length >= 3 && name !== withheld)),
];

/** The last word where all are written as people's names are: `Jane M. Roe`, and not `The maintainers` or `ci-bot`. */
const familyName = (person: string): ReadonlyArray<string> => {
  const [name = ""] = namesOfPerson(person);
  const words = name.split(/\s+/);
  const isPerson = words.every((word) => /^\p{Lu}[\p{L}\p{M}'’.-]*$/u.test(word));
  const last = words.at(-1)!;
  return words.length >= 2 && isPerson && last.length >= 3 && !ofGroups.test(last) ? [last] : [];
};

const ofGroups =
  /^(?:actions?|agents?|authors?|bots?|contributors?|developers?|founders|github|gitlab|group|inc|lab|labs|ltd|maintainers?|robot|research|runner|team|university|users?)\.?$/i;

const namesOfPerson = (person: unknown): ReadonlyArray<string> => {
  if (typeof person === "object" && person !== null) {
    const { name, email, url } = person as Readonly<Record<string, unknown>>;
    return [name, email, url].filter((value) => typeof value === "string");
  }
  if (typeof person !== "string") return [];
  const [, name = "", email = ""] = /^([^<(]*)(?:<([^>]*)>)?/.exec(person) ?? [];
  return [name.trim(), email.trim()];
};

const addresses = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? [value]
    : typeof value === "object" && value !== null && "url" in value && typeof value.url === "string"
      ? [value.url]
      : [];

/**
 * `https://github.com/jo/thing.git` and `git@host:jo/thing`: `jo/thing`, and the owner alone, who may have other pages. Folders
 * of this machine lead to no page, and are called like anything.
 */
const namesOfRepository = (address: string): ReadonlyArray<string> => {
  if (/^(?:file:|[./~])/u.test(address)) return [];
  const [, owner, name] = /[/:]([^/:\s]+)\/([^/\s]+?)(?:\.git)?\/?$/.exec(address) ?? [];
  return owner === undefined || name === undefined || owner.includes(".")
    ? []
    : [`${owner}/${name}`, owner.replace(/^~/, "")];
};
