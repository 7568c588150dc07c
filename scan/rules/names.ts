/** The names of this machine, its users and its authors, as whole words. */
import type { KnownNames, Sort } from "../Finding.ts";
import { isWord, matchAt, type Rule } from "./Rule.ts";

/** Names of so many machines and users that they identify nobody. They are also words of programs. */
const common = new Set(
  "root user admin administrator ubuntu debian centos fedora runner docker node vagrant test guest nobody build builder jenkins worker app main dev localhost local vm host server computer ec2-user jovyan codespace vscode default me you sandbox container".split(
    " ",
  ),
);

export const isCommonName = (name: string): boolean => common.has(name.toLowerCase());

const isSearchable = (name: string): boolean =>
  name.length >= 3 && !isCommonName(name) && !/^\d+$/.test(name);

/** `gpu7.cs.uni.edu` is found as a whole, as `gpu7` and as `cs.uni.edu`. */
const namesOfHost = (host: string): ReadonlyArray<string> => {
  const [first = "", ...rest] = host.split(".");
  return rest.length >= 2 ? [host, first, rest.join(".")] : [host, first];
};

const word = (kind: string, sort: Sort, name: string): Rule => ({
  anchors: [name.toLowerCase()],
  find: (text, start) => {
    const end = start + name.length;
    return isWord(text, start, end) ? { kind, sort, start, end, open: "" } : undefined;
  },
});

const words = (kind: string, sort: Sort, names: ReadonlyArray<string>): ReadonlyArray<Rule> =>
  [...new Set(names.map((name) => name.trim()))]
    .filter(isSearchable)
    .map((name) => word(kind, sort, name));

const homes = (paths: ReadonlyArray<string>): ReadonlyArray<Rule> =>
  paths
    .map((path) => path.replace(/[/\\]+$/, ""))
    .filter((path) => path.length >= 4 && path !== "/root")
    .flatMap((path) => [...new Set([path, path.replaceAll("\\", "/")])])
    .map((path) => word("home directory", "person", path));

const parents =
  "/data/ /scratch/ /work/ /storage/ /u/ /mnt/ /media/ /volumes/ /projects/ /cluster/ ~".split(" ");

/** Directories of users whose names are too short to be searched for alone. */
const directories = (users: ReadonlyArray<string>): ReadonlyArray<Rule> =>
  users
    .filter((user) => user.length > 0 && !isCommonName(user) && !isSearchable(user))
    .flatMap((user) => parents.map((parent) => word("user name", "person", parent + user)));

/** Together, a user and a host identify somebody even where each name is common. */
const usersAtHosts = ({ users, hosts }: KnownNames): ReadonlyArray<Rule> =>
  users.flatMap((user) =>
    hosts.flatMap(namesOfHost).map((host) => word("user and host", "person", `${user}@${host}`)),
  );

const orcid: Rule = {
  anchors: ["000"],
  find: (text, at) => {
    const found = matchAt(
      /(?<![\dA-Za-z-])000[0-9]-\d{4}-\d{4}-\d{3}[\dX](?![\dA-Za-z-])/iy,
      text,
      at,
    );
    return found === null
      ? undefined
      : { kind: "ORCID", sort: "person", start: at, end: at + found[0].length, open: "" };
  },
};

export const nameRules = (known: KnownNames): ReadonlyArray<Rule> => [
  ...words("user name", "person", known.users),
  ...words("host name", "machine", known.hosts.flatMap(namesOfHost)),
  ...words("name withheld for review", "person", known.withheld ?? []),
  ...(known.withheld === undefined ? [] : [orcid]),
  ...homes(known.homes),
  ...directories(known.users),
  ...usersAtHosts(known),
];
