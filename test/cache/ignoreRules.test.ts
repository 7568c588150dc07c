/** Ignore rules mean what they mean to git. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ignoreRules } from "../../cache/ignoreRules.ts";

const paths = [
  "a",
  "b.pyc",
  "src/b.pyc",
  "src/b.py",
  "src/deep/er/x.log",
  "src/build/out",
  "build/out",
  ".hidden.swp",
  "src/.#lock",
  "#auto#",
  "a b",
  "a[1]",
  "x-1",
  "x^1",
  "doc/frotz/a",
  "weird\\name",
];

const rules: ReadonlyArray<ReadonlyArray<string>> = [
  ["*.pyc"],
  ["*.py[co]", "# a comment", ""],
  ["build/"],
  ["/build"],
  ["src/build"],
  ["**/build"],
  ["src/**"],
  ["src/**/x.log"],
  ["**/x.log"],
  ["*.log", "!x.log"],
  ["src/*"],
  ["src/*/x.log"],
  [".*.sw[a-p]"],
  ["\\#*#", ".#*"],
  ["a b  "],
  ["a\\[1\\]"],
  ["x[-^]1"],
  ["x[!-]1"],
  ["x[^a-z]1"],
  ["?"],
  ["doc/frotz/"],
  ["frotz/"],
  ["*", "!src", "!src/deep/"],
  ["a["],
  ["weird\\\\name"],
  ["src/b.p?", "!src/b.py"],
];

/** The files that are left when directories are left out as wholes. */
const kept = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isIgnored = ignoreRules(lines);
  return paths.filter((file) => {
    const names = file.split("/");
    return !names.some((_, index) =>
      isIgnored(names.slice(0, index + 1).join("/"), index < names.length - 1),
    );
  });
};

describe("ignore rules keep the files that git keeps:", () => {
  for (const lines of rules)
    it(JSON.stringify(lines), () => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-ignore-"));
      try {
        execFileSync("git", ["init", "-q"], { cwd: directory });
        for (const file of paths) {
          fs.mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
          fs.writeFileSync(path.join(directory, file), "");
        }
        fs.writeFileSync(path.join(directory, ".git/info/exclude"), `${lines.join("\n")}\n`);
        const { stdout } = spawnSync("git", ["ls-files", "-z", "--others", "--exclude-standard"], {
          cwd: directory,
          encoding: "utf8",
          env: { PATH: process.env["PATH"], HOME: directory },
        });
        const found = stdout.split("\0").filter((file) => file !== "");
        assert.deepStrictEqual(kept(lines).toSorted(), found.toSorted());
      } finally {
        fs.rmSync(directory, { recursive: true });
      }
    });
});
