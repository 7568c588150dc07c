/** Finds the Python that makes environments on this machine. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { printedJson } from "./printedJson.ts";
import { PythonUnavailable } from "./PythonUnavailable.ts";
import { writeAtomically } from "./writeAtomically.ts";

export interface FoundPython {
  /** Absolute path, symbolic links resolved: a link such as `python3` may point to another version tomorrow. */
  readonly executable: string;
  /** `major.minor`. */
  readonly version: string;
}

const candidates = ["python3.11", "python3.12", "python3.13", "python3.14", "python3"];

/** Fails in a Python that is too old or packaged without `venv` and `ensurepip`. */
const probeProgram = `
import ensurepip, json, os, sys, venv
assert sys.version_info >= (3, 11) and ensurepip.version()
print(json.dumps({"executable": os.path.realpath(sys.executable), "version": "%d.%d" % sys.version_info[:2]}))`;
const probeMillis = 20_000;

/** A result that is valid while PATH and the program stay the same: version managers' wrappers are slow to start. */
interface Memo extends FoundPython {
  readonly path: string;
  readonly stamp: string;
}

const stampOf = (file: string): string => {
  const { size, mtimeMs, ino } = fs.statSync(file);
  return `${size} ${mtimeMs} ${ino}`;
};

const recall = (memoFile: string): FoundPython | undefined => {
  try {
    const { path, stamp, executable, version } = JSON.parse(
      fs.readFileSync(memoFile, "utf8"),
    ) as Memo;
    if (path !== process.env["PATH"] || stamp !== stampOf(executable)) return undefined;
    return { executable, version };
  } catch {
    return undefined; // no result yet, or the program was removed
  }
};

const remember = (memoFile: string, found: FoundPython): void => {
  try {
    const memo: Memo = {
      ...found,
      path: process.env["PATH"] ?? "",
      stamp: stampOf(found.executable),
    };
    fs.mkdirSync(path.dirname(memoFile), { recursive: true });
    writeAtomically(memoFile, JSON.stringify(memo));
  } catch {
    // the next process searches again
  }
};

const probe = async (candidate: string): Promise<FoundPython | undefined> => {
  const { execa } = await import("execa"); // takes 40 ms, and a plan seldom needs it
  const { failed, stdout } = await execa(candidate, ["-I", "-c", probeProgram], {
    reject: false,
    timeout: probeMillis,
  });
  return failed ? undefined : printedJson<FoundPython>(stdout);
};

/** The first Python on the PATH, from 3.11 on, that can make environments; remembered in `memoFile`. */
export const findPython = (memoFile: string): Effect.Effect<FoundPython, PythonUnavailable> =>
  Effect.gen(function* () {
    const known = recall(memoFile);
    if (known !== undefined) return known;
    for (const candidate of candidates) {
      const found = yield* Effect.promise(() => probe(candidate));
      if (found === undefined) continue;
      remember(memoFile, found);
      return found;
    }
    return yield* new PythonUnavailable({
      reason: "no-python",
      message: `no Python from 3.11 on that can make environments is on the PATH (tried: ${candidates.join(", ")})`,
      fix: "install Python 3.11 with its `venv` and `ensurepip` (Debian and Ubuntu: apt install python3 python3-venv), or name an interpreter that has the trainers' requirements in PIPE_PYTHON",
    });
  });
