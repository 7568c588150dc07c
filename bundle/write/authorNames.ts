/** The names by which authors of a repository could be known. Anonymous bundles withhold them, so the scan refuses them there. */
import type { ProductOrigins, Repository } from "./product.ts";

/** Stands in place of a name. */
export const withheldMark = "withheld for review";

/** The product's authors, for `KnownNames.withheld`. */
export const productAuthors = (origins: ProductOrigins): ReadonlyArray<string> => {
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
  return distinct([...names, ...repositoryAuthors(origins)]);
};

/** The authors of the work that is bundled. */
export const repositoryAuthors = ({ gitAuthors, gitRemotes }: Repository): ReadonlyArray<string> =>
  distinct([
    ...gitAuthors.flatMap(namesOfPerson),
    ...gitAuthors.flatMap(familyName),
    ...gitRemotes.flatMap(namesOfRepository),
  ]);

const distinct = (names: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(names.filter((name) => name.length >= 3 && name !== withheldMark)),
];

/** The last word of a person's name: of `Jane M. Roe`, but not of `The maintainers` or `ci-bot`. */
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
 * `jo/thing` of `https://github.com/jo/thing.git` and `git@host:jo/thing`, and the owner alone, who may have other pages. Folders on
 * this machine lead to no page.
 */
const namesOfRepository = (address: string): ReadonlyArray<string> => {
  if (/^(?:file:|[./~])/u.test(address)) return [];
  const [, owner, name] = /[/:]([^/:\s]+)\/([^/\s]+?)(?:\.git)?\/?$/.exec(address) ?? [];
  return owner === undefined || name === undefined || owner.includes(".")
    ? []
    : [`${owner}/${name}`, owner.replace(/^~/, "")];
};
