import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { knownHere } from "../../bundle/write/knownNames.ts";
import { anonymousLicense, anonymousPackage, anonymousSpec } from "../../bundle/write/anonymize.ts";
import { productAuthors, repositoryAuthors } from "../../bundle/write/authorNames.ts";
import { scan } from "../../scan/scan.ts";
import { known, people } from "../scan/planting.ts";

const email = people["e-mail"]!.text;
const person = "Jo Doe";
const packageJson = JSON.stringify({
  name: "pipe",
  license: "MIT",
  author: `${person} <${email}>`,
  contributors: [{ name: "Ann Other" }],
  repository: { type: "git", url: "git+https://github.com/jodoe/pipe.git" },
  dependencies: { yaml: "2.9.1" },
});
const license = `MIT License\n\nCopyright (c) 2024-2026 ${person} and others\n\nPermission is granted: the above copyright notice shall be included.\n`;
const origins = {
  packageJson,
  license,
  gitAuthors: [`Third Person <third@${email.split("@")[1]}>`],
  gitRemotes: ["git@github.com:jodoe/pipe.git"],
};
const anonymous = { ...known, withheld: productAuthors(origins) };
const refusedIn = (text: string) =>
  scan([{ path: "data/x", content: Buffer.from(text) }], anonymous, new Map()).refused;

describe("an anonymous bundle", () => {
  it("collects authors from package, licence, history and repository", () => {
    assert.includeMembers(
      [...anonymous.withheld],
      [person, email, "Ann Other", "Third Person", `${person} and others`, "jodoe/pipe", "jodoe"],
    );
  });

  it("refuses authors' names, and ORCIDs, which other bundles may have", () => {
    const orcid = ["0000-0002", "1825-0097"].join("-");
    for (const text of [`thanks to jo doe`, `see jodoe/pipe`, `by Ann Other.`, orcid]) {
      assert.isNotEmpty(refusedIn(text), text);
    }
    assert.isEmpty(scan([{ path: "x", content: Buffer.from(orcid) }], known, new Map()).refused);
    assert.isEmpty(refusedIn("Annotherwise Jo and Doe"));
  });

  it("removes people and addresses from the package, and nothing else", () => {
    assert.isNotEmpty(refusedIn(packageJson));
    const text = anonymousPackage(packageJson);
    assert.isEmpty(refusedIn(text));
    assert.deepEqual(JSON.parse(text), {
      name: "pipe",
      license: "MIT",
      dependencies: { yaml: "2.9.1" },
    });
  });

  it("removes the licence's holder, not its terms and year", () => {
    assert.isEmpty(refusedIn(anonymousLicense(license)));
    assert.strictEqual(
      anonymousLicense(license),
      license.replace(`${person} and others`, "withheld for review"),
    );
  });

  it("removes names from a spec's comments; the scan refuses them in values", () => {
    const spec = [
      `# by ${person} <${email}>, run in ${people["home on Linux"]!.text}`,
      "name: study # the main one",
      `note: "# not a comment: ${email}"`,
      "text: |",
      `  # neither: ${email}`,
      `axes: { seed: [0, 1] } # ask ${person}`,
      "",
    ].join("\n");
    const lines = anonymousSpec(spec, anonymous).split("\n");
    const before = spec.split("\n");
    assert.deepEqual(lines.slice(1, 5), before.slice(1, 5));
    assert.isEmpty(refusedIn([lines[0], lines[1], ...lines.slice(5)].join("\n")));
    assert.strictEqual(lines[5], "axes: { seed: [0, 1] } # ask (withheld for review)");
    assert.isNotEmpty(refusedIn(lines.join("\n")));
  });

  it("keeps a spec without names byte for byte", () => {
    for (const text of [
      "a: 1\n",
      "\ufeffa: [1, {b: 'x'}]\r\n# end",
      "--- # x\na: >-\n  b\n\n...\n",
    ]) {
      assert.strictEqual(anonymousSpec(text, anonymous), text);
    }
  });
});

describe("the project that is bundled", () => {
  const at = `@${email.split("@")[1]}`;
  const git = (directory: string, ...args: ReadonlyArray<string>) =>
    execFileSync("git", args, { cwd: directory, stdio: "ignore" });
  const madeBy = (directory: string, name: string, address: string, message: string) =>
    git(
      directory,
      "-c",
      `user.name=${name}`,
      "-c",
      `user.email=${address}`,
      "commit",
      "--allow-empty",
      "-m",
      message,
    );

  it("names authors and remotes by its git history and settings", () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "project-"));
    git(directory, "init");
    git(directory, "config", "user.name", "Ann B. Other");
    git(directory, "config", "user.email", `ann${at}`);
    git(directory, "remote", "add", "origin", "https://git.invalid/others/study.git");
    madeBy(directory, "Jane Roe", `jane${at}`, `x\n\nCo-authored-by: Kim Poe <kim${at}>`);
    madeBy(directory, "The maintainers", `all${at}`, "y");
    const { withheld = [] } = knownHere(true, directory);
    fs.rmSync(directory, { recursive: true });
    assert.includeMembers(
      [...withheld],
      ["Ann B. Other", "Other", `ann${at}`, "Jane Roe", "Roe", "Kim Poe", "Poe", "others/study"],
    );
    assert.notInclude(withheld, "maintainers");
    assert.isUndefined(knownHere(false).withheld);
  });

  it("has comments without its authors, and without names before addresses", () => {
    const names = repositoryAuthors({ gitAuthors: [`Jane Roe <jane${at}>`], gitRemotes: [] });
    const spec = [
      `# by Jane Roe <jane${at}>, and jane ROE and Ms Roe`,
      `# thanks to Kim Q. Poe <kim${at}> for data`,
      "note: by Jane Roe",
    ].join("\n");
    const lines = anonymousSpec(spec, { ...known, withheld: names }).split("\n");
    assert.deepEqual(lines, [
      "# by (withheld for review), and (withheld for review) and Ms (withheld for review)",
      "# thanks to (withheld for review) for data",
      "note: by Jane Roe",
    ]);
  });
});
