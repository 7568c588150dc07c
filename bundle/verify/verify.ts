/** Levels 1 to 3, one check after the other: no network, no GPU, no Python, and nothing of the bundle is run. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { OpenBundle } from "../open.ts";
import { verifyBytes } from "./bytes.ts";
import { type Check, Findings, type Level, type Problem } from "./Check.ts";
import { verifyNumbers } from "./numbers.ts";
import { verifyStructure } from "./structure.ts";

/** The checks of the levels up to `last`; those above a level that finds a problem are left out, as they would build on it. */
export async function* verify(bundle: OpenBundle, last: Level): AsyncGenerator<Check> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-verify-"));
  const checksOf = [
    () => verifyBytes(bundle),
    () => verifyStructure(bundle),
    () => verifyNumbers(bundle, scratch),
  ];
  try {
    for (const [index, checks] of checksOf.slice(0, last).entries()) {
      let sound = true;
      for await (const check of safely((index + 1) as Level, checks)) {
        sound &&= check.ok;
        yield check;
      }
      if (!sound) return;
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/** The first problem up to a level; undefined where there is none. */
export const verifyUpTo = async (
  bundle: OpenBundle,
  last: Level,
): Promise<{ readonly level: Level; readonly problem: Problem } | undefined> => {
  for await (const { level, problems } of verify(bundle, last)) {
    const [problem] = problems;
    if (problem !== undefined) return { level, problem };
  }
  return undefined;
};

/** A bundle that makes a check stumble is a bundle that is not verified. */
export async function* safely(
  level: Level,
  checks: () => AsyncIterable<Check> | Iterable<Check>,
): AsyncGenerator<Check> {
  try {
    yield* checks();
  } catch (error) {
    const findings = new Findings(level, "reading");
    const { message: found = String(error) } = error as Partial<Error>;
    const message = "something in the bundle can't be read";
    findings.add({ file: ".", expected: "files that can be read", found, message });
    yield findings.check("");
  }
}
