/** What this machine, its people and its authors are called, as whole words. */
import type { Known } from "../Finding.ts";
import { goesOnBefore, goesOnBehind, matchAt, type Hit, type Rule } from "./Rule.ts";

/** So many machines have them that they name nobody; and they are words of programs. Their home directories are found anyway. */
const ofMany = new Set(
  "root user admin administrator ubuntu debian centos fedora runner docker node vagrant test guest nobody build builder jenkins worker app main dev localhost local vm host server computer ec2-user jovyan codespace vscode default me you sandbox container".split(
    " ",
  ),
);

export const namesNobody = (name: string): boolean => ofMany.has(name.toLowerCase());

const isWord = (text: string, start: number, end: number): boolean =>
  !goesOnBefore(text, start) && !goesOnBehind(text, end);

/** Of a host `gpu7.cs.uni.edu`: all of it, `gpu7` and `cs.uni.edu`. */
const namesOfHost = (host: string): ReadonlyArray<string> => {
  const [first = "", ...rest] = host.split(".");
  return rest.length >= 2 ? [host, first, rest.join(".")] : [host, first];
};

const worthLooking = (name: string): boolean =>
  name.length >= 3 && !namesNobody(name) && !/^\d+$/.test(name);

const words = (
  kind: string,
  sort: Hit["sort"],
  names: ReadonlyArray<string>,
): ReadonlyArray<Rule> =>
  [...new Set(names.map((name) => name.trim()))].filter(worthLooking).map((name) => ({
    anchors: [name.toLowerCase()],
    find: (text, start) => {
      const end = start + name.length;
      return isWord(text, start, end) ? { kind, sort, start, end, open: "" } : undefined;
    },
  }));

const homes = (paths: ReadonlyArray<string>): ReadonlyArray<Rule> =>
  paths
    .map((path) => path.replace(/[/\\]+$/, ""))
    .filter((path) => path.length >= 4 && path !== "/root")
    .flatMap((path) => [...new Set([path, path.replaceAll("\\", "/")])])
    .map((path) => ({
      anchors: [path.toLowerCase()],
      find: (text, start) => {
        const end = start + path.length;
        return isWord(text, start, end)
          ? { kind: "home directory", sort: "person", start, end, open: "" }
          : undefined;
      },
    }));

/** Whose name is too short or too common to be looked for everywhere may have a directory that says enough. */
const places =
  "/data/ /scratch/ /work/ /storage/ /u/ /mnt/ /media/ /volumes/ /projects/ /cluster/ ~".split(" ");

const directories = ({ users }: Known): ReadonlyArray<Rule> =>
  users
    .filter((user) => user.length > 0 && !namesNobody(user) && !worthLooking(user))
    .map((user) => ({
      anchors: places.map((place) => `${place}${user}`.toLowerCase()),
      find: (text, at) => {
        const start = (text[at] === "~" ? at : text.indexOf("/", at + 1)) + 1;
        const end = start + user.length;
        return isWord(text, at, end)
          ? { kind: "user name", sort: "person" as const, start, end, open: "" }
          : undefined;
      },
    }));

/** User and host with an @ between: each alone may name nobody, both together do. */
const together = ({ users, hosts }: Known): ReadonlyArray<Rule> =>
  users.flatMap((user) =>
    hosts.flatMap(namesOfHost).map((host) => ({
      anchors: [`${user}@${host}`.toLowerCase()],
      find: (text: string, start: number) => {
        const end = start + user.length + 1 + host.length;
        return isWord(text, start, end)
          ? { kind: "user and host", sort: "person" as const, start, end, open: "" }
          : undefined;
      },
    })),
  );

/** Who is to stay unknown has no page either. */
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

export const knownRules = (known: Known): ReadonlyArray<Rule> => [
  ...words("user name", "person", known.users),
  ...words("host name", "machine", known.hosts.flatMap(namesOfHost)),
  ...words("name withheld for review", "person", known.withheld ?? []),
  ...(known.withheld === undefined ? [] : [orcid]),
  ...homes(known.homes),
  ...directories(known),
  ...together(known),
];
