/** `pipe verify` and `verify.mjs` on the command line. */
import { assert, describe, it } from "@effect/vitest";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root } from "../rig/build.ts";
import { inRig, jsonLines } from "../rig/Rig.ts";
import { edited, folderOf, forged } from "./alterations.ts";
import { type Files, packed } from "./archives.ts";
import { crated } from "./describing.ts";
import { smallBundle } from "./smallBundle.ts";
import { inScratch } from "./scratch.ts";

const wrongClaim = (files: Files): Files =>
  edited(files, "data/CLAIMS.json", (text) => text.replace(/"value": [\d.]+/u, '"value": 0.987'));

describe("pipe verify", () => {
  it(
    "prints its checks level by level and exits with 0",
    inRig(async (rig) => {
      const archive = await packed((await smallBundle()).files, rig.directory);
      const { code, stdout, stderr } = await rig.pipe("verify", archive);
      assert.strictEqual(code, 0, stderr);
      assert.match(stdout, /^level 1: bytes\n {2}ok {4}payload/u);
      assert.match(stdout, /level 3: numbers and keys\n {2}ok {4}keys {10}28 keys/u);
      assert.match(stdout, /^ {8} +claimed +recomputed$/mu);
      assert.match(
        stdout,
        /^ {8}table\[model=strong\]\/a +(\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]) +\1$/mu,
      );
      assert.match(
        stdout,
        /\nverified to level 3: small-([\da-f]{12})\nidentity \1[\da-f]{52}\n$/u,
      );
      const one = await rig.pipe("verify", archive, "--level", "1");
      assert.notInclude(one.stdout, "level 2");
      const four = await rig.pipe("verify", archive, "--level", "4");
      assert.match(four.stdout, /level 4: .*\n {2}ok {4}data /u);
      assert.isFalse(rig.has(".pipe"), "it has touched the project's store");
    }),
  );

  it(
    "names the number, both values and the files, and exits with 3",
    inRig(async (rig) => {
      const archive = await packed(wrongClaim((await smallBundle()).files), rig.directory);
      const { code, stdout } = await rig.pipe("verify", archive);
      assert.strictEqual(code, 3);
      assert.match(stdout, /WRONG claims/u);
      assert.match(stdout, /^ {8}table\[model=weak\]\/a +0\.987 .+ {2}0\.\d{3} \[/mu);
      assert.match(stdout, /data\/CLAIMS\.json {2}table\[model=weak\]\/a: value: differs from/u);
      assert.match(
        stdout,
        /expected 0\.\d+\n +found {4}0\.987\n +from {5}data\/artifacts\/[\da-f]+\/table\.json/u,
      );
      assert.match(stdout, /\nNOT verified, problems at level 3 \(numbers and keys\): small-/u);
      const lines = jsonLines((await rig.pipe("verify", "--json", archive)).stdout);
      const last = lines.at(-1)!;
      assert.deepInclude(last, { what: "total", verified: false, failed: 3 });
      const checks = lines.map(
        (line) => line["check"] as { ok: boolean; problems: ReadonlyArray<object> } | undefined,
      );
      const problem = checks.find((check) => check?.ok === false)?.problems[0];
      assert.deepInclude(problem, {
        file: "data/CLAIMS.json",
        number: "table[model=weak]/a: value",
        found: 0.987,
      });
    }),
  );

  it(
    "escapes control characters of hostile transcripts",
    inRig(async (rig) => {
      const { files } = await smallBundle();
      const hostile = forged(files, "scores[model=weak]", "scores.jsonl", (text) =>
        text.replace(
          /"reason":(?:"[^"]*"|null)/u,
          `"reason":${JSON.stringify("\u001B[2J\u202Eevil\u0007")}`,
        ),
      );
      const { code, stdout } = await rig.pipe("verify", await packed(hostile, rig.directory));
      assert.strictEqual(code, 3);
      // eslint-disable-next-line no-control-regex
      assert.notMatch(stdout, /[\u001B\u202E\u0007]/u);
      assert.include(stdout, "evil");
    }),
  );

  it(
    "exits with 3 for a file that is no bundle, and with 2 for a missing file",
    inRig(async (rig) => {
      rig.write("b.tar.gz", "hello");
      const refused = await rig.pipe("verify", "b.tar.gz");
      assert.strictEqual(refused.code, 3);
      assert.include(refused.stderr, "cut short");
      assert.strictEqual((await rig.pipe("verify", "c.tar.gz")).code, 2);
      assert.strictEqual((await rig.pipe("verify", "b.tar.gz", "--level", "6")).code, 2);
    }),
  );
});

/** Finds the machine's own Node instead of the pinned one: a reviewer has any from 20 on. */
const plainPath = (process.env["PATH"] ?? "")
  .split(":")
  .filter((folder) => !folder.includes("node_modules"))
  .join(":");

const verifyAlone = (script: string, cwd: string, ...args: ReadonlyArray<string>) =>
  spawnSync("node", [script, ...args], {
    cwd,
    encoding: "utf8",
    env: { PATH: plainPath, TMPDIR: cwd },
  });

describe("verify.mjs", () => {
  it(
    "verifies its own bundle on the machine's own Node",
    inScratch(async (folder) => {
      const { files, run } = await smallBundle();
      const script = fs.readFileSync(path.join(root, "dist/verify.mjs"));
      const whole = crated(new Map([...files, ["data/verify.mjs", script]]));
      const unpack = async (some: Files, name: string) => {
        const place = path.join(folder, name);
        fs.mkdirSync(place);
        const archive = await packed(some, place);
        spawnSync("tar", ["xzf", archive], { cwd: place });
        return { archive, data: path.join(archive.replace(/\.tar\.gz$/u, ""), "data") };
      };
      const right = await unpack(whole, "right");
      const inside = verifyAlone("verify.mjs", right.data);
      assert.strictEqual(inside.status, 0, inside.stdout + inside.stderr);
      assert.match(inside.stdout, /verified to level 3/u);
      assert.deepStrictEqual(
        fs.readdirSync(right.data).filter((name) => name.startsWith("pipe-")),
        [],
      );
      assert.strictEqual(
        verifyAlone(path.join(right.data, "verify.mjs"), folder, right.archive).status,
        0,
      );

      const scores = `${folderOf(run, "scores[model=weak]")}/scores.jsonl`;
      assert.isTrue(whole.has(scores));
      const altered = forged(whole, "scores[model=weak]", "scores.jsonl", (text) =>
        text.replace('"outcome":false', '"outcome":true'),
      );
      const wrong = await unpack(altered, "wrong");
      const found = verifyAlone("verify.mjs", wrong.data);
      assert.strictEqual(found.status, 3);
      assert.match(found.stdout, /scores\.jsonl {2}\[test-\d+ [a-z-]+\]\.outcome/u);
      assert.match(found.stdout, /expected false\n +found {4}true/u);

      fs.writeFileSync(path.join(folder, "no.tar.gz"), "hello");
      assert.strictEqual(
        verifyAlone(path.join(right.data, "verify.mjs"), folder, "no.tar.gz").status,
        3,
      );
      assert.strictEqual(
        verifyAlone(path.join(right.data, "verify.mjs"), folder, "nothing").status,
        2,
      );
    }),
  );

  it("imports nothing that starts programs, opens sockets or loads code", () => {
    const script = fs.readFileSync(path.join(root, "dist/verify.mjs"), "utf8");
    const imported = [...script.matchAll(/^import .* from "([^"]+)";$/gmu)].map(([, name]) => name);
    assert.includeMembers(imported, ["node:fs", "node:zlib"]);
    for (const name of imported)
      assert.match(
        name!,
        /^(?:node:)?(?:fs|os|path|url|zlib|crypto|module|util|stream\/promises)$/u,
      );
    assert.notMatch(
      script,
      /node:(?:child_process|net|http|https|dgram|worker_threads|vm|sqlite)/u,
    );
  });
});
