/**
 * What `--anonymous` drops or replaces, for double-blind review:
 *
 * - the commit and the origin of the product: both lead to a page with names;
 * - in `package.json` everybody and every address of a page; in LICENSE who has the copyright, not the terms;
 * - in the spec, names, e-mail addresses, ORCIDs and home directories in *comments*: no key depends on a comment. In values they stay,
 *   since keys and claims hang on them, and the scan refuses them;
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

const withoutNames = (comment: string, search: ReturnType<typeof searchFor>): string =>
  search(comment)
    .filter(({ sort }) => sort === "person" || sort === "machine")
    .toSorted((a, b) => b.start - a.start)
    .reduce(
      (shown, { start, end }) => `${shown.slice(0, start)}(${withheld})${shown.slice(end)}`,
      comment,
    );

export interface Origins {
  readonly packageJson: string;
  readonly license: string;
  /** `name <address>` of each author that the history knows. */
  readonly gitAuthors: ReadonlyArray<string>;
  /** Addresses of the repository: `git remote -v`. */
  readonly gitRemotes: ReadonlyArray<string>;
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
    ...origins.gitAuthors.flatMap(namesOfPerson),
    ...holders.map(([, holder = ""]) => holder.trim()),
    ...[own["repository"], own["homepage"]].flatMap(addresses).flatMap(namesOfRepository),
    ...origins.gitRemotes.flatMap(namesOfRepository),
  ];
  return [...new Set(names.filter((name) => name.length >= 3 && name !== withheld))];
};

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
    : [`${owner}/${name}`, owner];
};
