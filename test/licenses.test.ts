/** docs/licenses.md has every package that an environment installs, with its licence. */
import { assert, describe, it } from "@effect/vitest";
import { Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import { parseLock } from "../executors/LockFile.ts";
import { root } from "../schemas/root.ts";
import { locks } from "../scripts/environmentLicenses.ts";
import { environments } from "../stages/environments.ts";

/** In the form that pip compares. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/gu, "-");

describe("docs/licenses.md", () => {
  it("has each package of each lock in its version, and no other", () => {
    const text = fs.readFileSync(path.join(root, "docs/licenses.md"), "utf8");
    const cells = text
      .split("\n")
      .filter((line) => line.startsWith("| ") && line.endsWith(" |"))
      .map((line) => line.slice(2, -2).split(" | "))
      .slice(1);
    const listed = cells.flatMap(([locked = "", license = "", users = ""]) => {
      assert.isAbove(license.length, 2, locked);
      const [name = "", version = ""] = locked.split("==");
      return users.split(", ").map((user) => `${user}: ${plain(name)}==${version}`);
    });
    const locked = [...locks].flatMap(([user, lock]) =>
      Result.getOrThrow(parseLock(fs.readFileSync(path.join(root, lock), "utf8"))).map(
        (requirement) => `${user}: ${requirement.replace(/\[.*?\]|;.*$/gu, "").trim()}`,
      ),
    );
    assert.deepStrictEqual(
      listed.toSorted(),
      locked.toSorted(),
      "after a change of a lock run `node scripts/environmentLicenses.ts`",
    );
  });

  it("leaves out no environment of this machine", () => {
    const known = new Set([...locks.values()].map((lock) => path.join(root, lock)));
    for (const { locks: used } of environments.values())
      for (const lock of used) assert.isTrue(known.has(lock), lock);
  });
});
