/** An interpreter that a person names, used without changes. */
import { Effect } from "effect";
import path from "node:path";
import { digestJson } from "../schemas/Digest.ts";
import { printedJson } from "./printedJson.ts";
import { PythonUnavailable } from "./PythonUnavailable.ts";
import type { TrainerPython } from "./TrainerPython.ts";

/** Reads package names, a line each, and prints their installed versions. */
const versionsProgram = `
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
versions = {name: version(name) for name in sys.stdin.read().split()}
print(json.dumps({"executable": sys.executable, "python": "%d.%d" % sys.version_info[:2], "versions": versions}))`;

export interface Installed {
  readonly executable: string;
  /** `major.minor`. */
  readonly python: string;
  /** null: not installed. */
  readonly versions: { readonly [name: string]: string | null };
}

const listVersions = async (interpreter: string, packages: ReadonlyArray<string>) => {
  const { execa } = await import("execa"); // takes 40 ms, and a plan seldom needs it
  return execa(interpreter, ["-I", "-c", versionsProgram], {
    reject: false,
    input: packages.join("\n"),
  });
};

/** The versions of these packages in it. `variable` is the environment variable that names it. */
export const installedIn = (
  interpreter: string,
  variable: string,
  packages: ReadonlyArray<string>,
): Effect.Effect<Installed, PythonUnavailable> =>
  Effect.gen(function* () {
    const answer = yield* Effect.promise(() => listVersions(interpreter, packages));
    const installed = answer.failed ? undefined : printedJson<Installed>(answer.stdout);
    if (installed !== undefined)
      return { ...installed, executable: absolutePath(interpreter) ?? installed.executable };
    const problem = answer.failed
      ? `does not run: ${answer.shortMessage}`
      : `printed ${JSON.stringify(answer.stdout.slice(0, longestShown))} where only Python's answer was expected`;
    return yield* new PythonUnavailable({
      reason: "no-python",
      message: `${variable} is ${interpreter}, which ${problem}`,
      fix: `let ${variable} name a Python interpreter that has the trainers' requirements, or a script that runs one and prints nothing itself, or unset it to have one made`,
    });
  });

const longestShown = 80;

/**
 * The absolute path of a program that is named by its path. Python's `sys.executable` is another path where the program is a
 * script that sets an environment up or enters a container.
 */
const absolutePath = (interpreter: string): string | undefined =>
  interpreter.includes("/") ? path.resolve(interpreter) : undefined;

/** Its path and identity: the digest of the installed versions of these packages, after `installed:`. */
export const givenPython = (
  interpreter: string,
  variable: string,
  packages: ReadonlyArray<string>,
): Effect.Effect<TrainerPython, PythonUnavailable> =>
  Effect.map(
    installedIn(interpreter, variable, packages),
    ({ executable, python, versions }): TrainerPython => ({
      python: executable,
      identity: `installed:${digestJson({ python, versions })}`,
    }),
  );
