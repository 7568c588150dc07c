/** Names that the scan searches for: the user who bundles, this machine and, for anonymous bundles, the authors. */
import { execFileSync } from "node:child_process";
import os from "node:os";
import type { KnownNames } from "../../scan/Finding.ts";
import { productAuthors, repositoryAuthors } from "./authorNames.ts";
import { productOrigins, type Repository } from "./product.ts";

/** `project` is the working directory, as a rule in the repository of the experiments' authors. */
export const knownHere = (anonymous: boolean, project = process.cwd()): KnownNames => ({
  users: [userName()],
  hosts: [os.hostname()],
  homes: [os.homedir()],
  ...(anonymous
    ? {
        withheld: [
          ...productAuthors(productOrigins()),
          ...repositoryAuthors(repositoryOf(project)),
        ],
      }
    : {}),
});

/** Empty in a container whose user has a number only. */
const userName = (): string => {
  try {
    return os.userInfo().username;
  } catch {
    return "";
  }
};

/** Each name is one more word to search for; people in older commits only have no part in this work. */
const mostCommits = 1000;

/** Authors in the history of a directory's repository, its remotes, and the author that git has in its settings, also without one. */
export const repositoryOf = (directory: string): Repository => {
  const settings = ["user", "author", "committer"].map((role) =>
    person(lineOf(directory, `${role}.name`), lineOf(directory, `${role}.email`)),
  );
  const environment = ["AUTHOR", "COMMITTER"].map((role) =>
    person(process.env[`GIT_${role}_NAME`], process.env[`GIT_${role}_EMAIL`]),
  );
  const log = git(
    directory,
    "log",
    `--max-count=${mostCommits}`,
    "--format=%an <%ae>%n%cn <%ce>%n%(trailers:key=Co-authored-by,valueonly)",
  );
  return {
    gitAuthors: [...new Set([...settings, ...environment, ...log.split("\n")])].filter(
      (line) => line.trim() !== "" && line !== person(),
    ),
    gitRemotes: git(directory, "config", "--get-regexp", "^remote\\..*\\.url$")
      .split("\n")
      .map((line) => line.slice(line.indexOf(" ") + 1)),
  };
};

const person = (name = "", email = ""): string => `${name} <${email}>`;

const lineOf = (directory: string, key: string): string =>
  git(directory, "config", "--get", key).trim();

/** The output of git; empty where it fails. */
const git = (directory: string, ...args: ReadonlyArray<string>): string => {
  // The variables of a git hook point to another repository.
  const { GIT_DIR: _, GIT_WORK_TREE: __, GIT_INDEX_FILE: ___, ...env } = process.env;
  try {
    return execFileSync("git", ["-c", "safe.directory=*", ...args], {
      cwd: directory,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 1 << 28,
    });
  } catch {
    return "";
  }
};
