/** A bundle as `pipe bundle` writes it passes every level that runs no program. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { openBundle } from "../../../bundle/format/open.ts";
import { verifyCheapStages } from "../../../bundle/verify/cheapStages.ts";
import { type Check } from "../../../bundle/verify/Check.ts";
import { packed } from "../archives.ts";
import { inScratch } from "../scratch.ts";
import { smallBundle } from "../smallBundle.ts";
import { checksOf, problemsOf } from "../verifying.ts";

describe("an unaltered bundle", () => {
  it(
    "passes levels 1 to 4",
    inScratch(async (folder) => {
      const { files } = await smallBundle();
      const archive = await packed(files, folder);
      const checks = await checksOf(archive, folder);
      assert.deepStrictEqual(problemsOf(checks), []);
      assert.deepStrictEqual(
        checks.map(({ what }) => what),
        [
          "payload",
          "tag files",
          "bag",
          "files",
          "artifacts",
          "records",
          "crate",
          "keys",
          "code",
          "environments",
          "predictions",
          "rollouts",
          "score",
          "summarize",
          "correlate",
          "groups",
          "tabulate",
          "claims",
          "descriptions",
        ],
      );
      assert.include(checks.find(({ what }) => what === "score")?.looked, "2 nodes");
      assert.include(checks.find(({ what }) => what === "rollouts")?.looked, "72 responses");
      const bundle = await Effect.runPromise(openBundle(archive, path.join(folder, "again")));
      const again: Array<Check> = [];
      for await (const check of verifyCheapStages(bundle, path.join(folder, "scratch")))
        again.push(check);
      assert.deepStrictEqual(problemsOf(again), []);
      assert.strictEqual(again.length, 5);
    }),
  );
});

describe("verifying", () => {
  it(
    "leaves no temporary files",
    inScratch(async (folder) => {
      const archive = await packed((await smallBundle()).files, folder);
      const temporary = path.join(folder, "temporary");
      fs.mkdirSync(temporary);
      const { TMPDIR } = process.env;
      process.env["TMPDIR"] = temporary;
      try {
        await checksOf(archive, folder);
      } finally {
        if (TMPDIR === undefined) delete process.env["TMPDIR"];
        else process.env["TMPDIR"] = TMPDIR;
      }
      assert.deepStrictEqual(fs.readdirSync(temporary), []);
    }),
  );
});
