/** Levels 1 to 3, which need no network, no GPU and no Python, and run nothing of the bundle. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { MakePage } from "../format/MakePage.ts";
import type { OpenBundle } from "../format/open.ts";
import { verifyBytes } from "./bytes.ts";
import { type Check, Findings, type Level, type Problem } from "./Check.ts";
import { verifyNumbers } from "./numbers.ts";
import { verifyStructure } from "./structure.ts";

/** Without `makePage` the bundle's page is not made again. The checks up to level `last`, without the levels above the first with a problem, because they build on it. */
export const verify = async function* (
  bundle: OpenBundle,
  last: Level,
  makePage?: MakePage,
): AsyncGenerator<Check> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-verify-"));
  const checksOf = [
    () => verifyBytes(bundle),
    () => verifyStructure(bundle),
    () => verifyNumbers(bundle, scratch, makePage),
  ];
  try {
    for (const [index, checks] of checksOf.slice(0, last).entries()) {
      let isSound = true;
      for await (const check of safely((index + 1) as Level, checks)) {
        isSound &&= check.ok;
        yield check;
      }
      if (!isSound) return;
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
};

/** The first problem up to a level, if any. */
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

/** Turns an exception of a check into a problem. */
export const safely = async function* (
  level: Level,
  checks: () => AsyncIterable<Check> | Iterable<Check>,
): AsyncGenerator<Check> {
  try {
    yield* checks();
  } catch (error) {
    const findings = new Findings(level, "reading");
    const { message: found = String(error) } = error as Partial<Error>;
    const message = "a file of the bundle can't be read";
    findings.add({ file: ".", expected: "readable files", found, message });
    yield findings.check("");
  }
};
