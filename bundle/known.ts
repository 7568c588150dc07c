/** Whom the scan knows by name: the person who bundles, this machine, and, where they are to stay unknown, the authors. */
import { execFileSync } from "node:child_process";
import os from "node:os";
import type { Known } from "./scan/Finding.ts";
import { namesInHistory, withheldNames, type History } from "./scan/anonymous.ts";
import { productOrigins } from "./source.ts";

/** `project` is where the command runs: there lies, as a rule, the repository of those who made the experiments. */
export const knownHere = (anonymous: boolean, project = process.cwd()): Known => ({
  users: [userName()],
  hosts: [os.hostname()],
  homes: [os.homedir()],
  ...(anonymous
    ? { withheld: [...withheldNames(productOrigins()), ...namesInHistory(projectHistory(project))] }
    : {}),
});

/** A user of a container may have a number only. */
const userName = (): string => {
  try {
    return os.userInfo().username;
  } catch {
    return "";
  }
};

/** Each name is one more word to look for in everything; whoever is known by older ones only has no part in this work. */
const mostCommits = 1000;

/** Who has worked in a directory's repository, who works there now, and where it can be found; without one, who works here at all. */
export const projectHistory = (directory: string): History => {
  const now = ["user", "author", "committer"].map((role) =>
    person(lineOf(directory, `${role}.name`), lineOf(directory, `${role}.email`)),
  );
  const told = ["AUTHOR", "COMMITTER"].map((role) =>
    person(process.env[`GIT_${role}_NAME`], process.env[`GIT_${role}_EMAIL`]),
  );
  const log = git(
    directory,
    "log",
    `--max-count=${mostCommits}`,
    "--format=%an <%ae>%n%cn <%ce>%n%(trailers:key=Co-authored-by,valueonly)",
  );
  return {
    gitAuthors: [...new Set([...now, ...told, ...log.split("\n")])].filter(
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

/** What git says, or nothing. */
const git = (directory: string, ...args: ReadonlyArray<string>): string => {
  // A hook's variables lead to another repository.
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
