/** Which Python makes environments on this machine. */
import { Effect } from "effect";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PythonUnavailable } from "./PythonUnavailable.ts";

export interface FoundPython {
  /** Absolute path, symbolic links resolved: a link such as `python3` may point to another version tomorrow. */
  readonly executable: string;
  /** `major.minor`. */
  readonly version: string;
}

const CANDIDATES = ["python3.11", "python3.12", "python3.13", "python3.14", "python3"];

/** Fails where an environment could not be made: too old, or packaged without `venv` and `ensurepip`. */
const PROBE = `
import ensurepip, json, os, sys, venv
assert sys.version_info >= (3, 11) and ensurepip.version()
print(json.dumps({"executable": os.path.realpath(sys.executable), "version": "%d.%d" % sys.version_info[:2]}))`;
const PROBE_MILLIS = 20_000;

/** A wrapper that is slow to start is asked once: the answer holds while PATH and the program it named do. */
interface Memo extends FoundPython {
  readonly path: string;
  readonly stamp: string;
}

const stampOf = (file: string): string => {
  const { size, mtimeMs, ino } = statSync(file);
  return `${size} ${mtimeMs} ${ino}`;
};

const recall = (memoFile: string): FoundPython | undefined => {
  try {
    const { path, stamp, executable, version } = JSON.parse(readFileSync(memoFile, "utf8")) as Memo;
    if (path !== process.env["PATH"] || stamp !== stampOf(executable)) return undefined;
    return { executable, version };
  } catch {
    return undefined; // never asked, or what it found is gone
  }
};

const remember = (memoFile: string, found: FoundPython): void => {
  try {
    const memo: Memo = {
      ...found,
      path: process.env["PATH"] ?? "",
      stamp: stampOf(found.executable),
    };
    mkdirSync(dirname(memoFile), { recursive: true });
    writeFileSync(`${memoFile}.${process.pid}`, JSON.stringify(memo));
    renameSync(`${memoFile}.${process.pid}`, memoFile);
  } catch {
    // it will be found again
  }
};

const probe = async (candidate: string): Promise<FoundPython | undefined> => {
  const { execa } = await import("execa"); // takes 40 ms, which a plan can do without
  const { failed, stdout } = await execa(candidate, ["-I", "-c", PROBE], {
    reject: false,
    timeout: PROBE_MILLIS,
  });
  return failed ? undefined : (JSON.parse(stdout) as FoundPython);
};

/** The first Python on the PATH, from 3.11 on, that can make environments; remembered in `memoFile`. */
export const findPython = (memoFile: string): Effect.Effect<FoundPython, PythonUnavailable> =>
  Effect.gen(function* () {
    const known = recall(memoFile);
    if (known !== undefined) return known;
    for (const candidate of CANDIDATES) {
      const found = yield* Effect.promise(() => probe(candidate));
      if (found === undefined) continue;
      remember(memoFile, found);
      return found;
    }
    return yield* new PythonUnavailable({
      reason: "no-python",
      message: `no Python from 3.11 on that can make environments is on the PATH (asked: ${CANDIDATES.join(", ")})`,
      fix: "install Python 3.11 with its `venv` and `ensurepip` (Debian and Ubuntu: apt install python3 python3-venv), or name an interpreter that has the trainers' requirements in PIPE_PYTHON",
    });
  });
