import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { knownHere } from "../../../bundle/known.ts";
import {
  anonymousLicense,
  anonymousPackage,
  anonymousSpec,
  namesInHistory,
  withheldNames,
} from "../../../bundle/scan/anonymous.ts";
import { publishableFacts } from "../../../bundle/scan/facts.ts";
import { machineFacts } from "../../../pipelines/machine.ts";
import { scan } from "../../../bundle/scan/scan.ts";
import { known, people } from "./planting.ts";

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
const anonymous = { ...known, withheld: withheldNames(origins) };
const refusedIn = (text: string) =>
  scan([{ path: "data/x", content: Buffer.from(text) }], anonymous, new Map()).refused;

describe("an anonymous bundle", () => {
  it("knows authors by package, licence, history and repository", () => {
    assert.includeMembers(
      [...anonymous.withheld],
      [person, email, "Ann Other", "Third Person", `${person} and others`, "jodoe/pipe", "jodoe"],
    );
  });

  it("refuses their names, and ORCIDs, which others may have", () => {
    const orcid = ["0000-0002", "1825-0097"].join("-");
    for (const text of [`thanks to jo doe`, `see jodoe/pipe`, `by Ann Other.`, orcid]) {
      assert.isNotEmpty(refusedIn(text), text);
    }
    assert.isEmpty(scan([{ path: "x", content: Buffer.from(orcid) }], known, new Map()).refused);
    assert.isEmpty(refusedIn("Annotherwise Jo and Doe"));
  });

  it("has a package without people and pages, with all else", () => {
    assert.isNotEmpty(refusedIn(packageJson));
    const text = anonymousPackage(packageJson);
    assert.isEmpty(refusedIn(text));
    assert.deepEqual(JSON.parse(text), {
      name: "pipe",
      license: "MIT",
      dependencies: { yaml: "2.9.1" },
    });
  });

  it("has the licence's terms and year, and not its holder", () => {
    assert.isEmpty(refusedIn(anonymousLicense(license)));
    assert.strictEqual(
      anonymousLicense(license),
      license.replace(`${person} and others`, "withheld for review"),
    );
  });

  it("has a spec without names in comments; values stay, for the scan to refuse", () => {
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

  it("has a spec without names byte for byte", () => {
    for (const text of [
      "a: 1\n",
      "\ufeffa: [1, {b: 'x'}]\r\n# end",
      "--- # x\na: >-\n  b\n\n...\n",
    ]) {
      assert.strictEqual(anonymousSpec(text, anonymous), text);
    }
  });
});

describe("the project whose work is bundled", () => {
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

  it("tells its authors, who works there, and where it is, by history and settings", () => {
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

  it("has authors whose names leave comments, with those that nobody knew beside their addresses", () => {
    const names = namesInHistory({ gitAuthors: [`Jane Roe <jane${at}>`], gitRemotes: [] });
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

describe("facts about a machine", () => {
  it("are those of a list, and look as they should", () => {
    const facts = {
      os: "debian 12",
      kernel: "6.1",
      cpu: "Intel(R) Xeon(R) Gold 6348 CPU @ 2.60GHz",
      memory: "64 GB",
      node: "v24.21.0",
    };
    const more = { machine: "titan", user: "jo", PATH: "/opt/x", toString: "x" };
    assert.deepEqual(publishableFacts({ ...facts, ...more }), facts);
    assert.deepEqual(publishableFacts({ kernel: "6.1.0-jos-own", node: "v24.21.0\njo" }), {});
  });

  it.effect("of this machine pass the scan", () =>
    Effect.gen(function* () {
      const facts = yield* machineFacts(true);
      assert.containsAllKeys(facts, ["os", "kernel", "cores", "memory", "node"]);
      assert.deepEqual(publishableFacts(facts), facts);
      assert.isEmpty(refusedIn(JSON.stringify(facts)));
    }),
  );
});
