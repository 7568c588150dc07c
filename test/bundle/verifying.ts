/** Verifies altered bundles in memory and states what verifying must find. */
import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import path from "node:path";
import { openBundle } from "../../bundle/format/open.ts";
import type { Check, Problem } from "../../bundle/verify/Check.ts";
import { verify } from "../../bundle/verify/verify.ts";
import { type Files, packed } from "./archives.ts";
import { inScratch } from "./scratch.ts";
import { smallBundle, type SmallBundle } from "./smallBundle.ts";

export const checksOf = async (archive: string, folder: string): Promise<ReadonlyArray<Check>> => {
  const bundle = await Effect.runPromise(openBundle(archive, path.join(folder, "unpacked")));
  const checks: Array<Check> = [];
  for await (const check of verify(bundle, 3)) checks.push(check);
  return checks;
};

export const problemsOf = (checks: ReadonlyArray<Check>): ReadonlyArray<Problem> =>
  checks.flatMap(({ problems }) => problems);

export interface Found {
  readonly level: number;
  readonly what: string;
  /** Part of the problem's field of the same name. */
  readonly file?: string;
  readonly number?: string;
  readonly expected?: unknown;
  readonly found?: unknown;
}

/** A test: the alteration is found by that check, no lower level finds it, and one of the problems matches. */
export const isFound = (what: string, alter: (small: SmallBundle) => Files, expected: Found) =>
  it(
    what,
    inScratch(async (folder) => {
      const checks = await checksOf(await packed(alter(await smallBundle()), folder), folder);
      const wrong = checks.filter(({ ok }) => !ok);
      const details = JSON.stringify(wrong, null, 1);
      assert.deepStrictEqual(
        [...new Set(wrong.map(({ level }) => level))],
        [expected.level],
        details,
      );
      assert.include(
        wrong.map((check) => check.what),
        expected.what,
        details,
      );
      const fits = problemsOf(wrong).some(
        (problem) =>
          problem.file.includes(expected.file ?? "") &&
          (problem.number ?? "").includes(expected.number ?? "") &&
          (!("expected" in expected) || problem.expected === expected.expected) &&
          (!("found" in expected) || problem.found === expected.found),
      );
      assert.isTrue(fits, details);
    }),
  );
