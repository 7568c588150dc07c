/** A bundle of an earlier version still verifies. */
import { assert, describe, it } from "@effect/vitest";
import path from "node:path";
import { inScratch } from "../scratch.ts";
import { checksOf, problemsOf } from "../verifying.ts";

/**
 * Made on 2026-11-28, when format 2 was new: `packed` of `makeBundle` with `smallSpec`, its splits cut to
 * `{ test: 2, validation: 2, train_sft: 1 }`. It never changes; only a new `bundleFormat` replaces it.
 */
const archive = path.join(import.meta.dirname, "../small-format-2.tar.gz");

describe("a bundle of an earlier version", () => {
  it(
    "passes levels 1 to 3, whatever the wording of its page and descriptions",
    inScratch(async (folder) => {
      const checks = await checksOf(archive, folder);
      assert.deepStrictEqual(problemsOf(checks), []);
      assert.strictEqual(checks.at(-1)?.what, "descriptions");
    }),
  );
});
