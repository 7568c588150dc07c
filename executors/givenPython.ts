/** The interpreter that `PIPE_PYTHON` names: somebody else's environment, taken as it is. */
import { Effect } from "effect";
import { digestJson } from "../schemas/Digest.ts";
import type { TrainerPython } from "./PythonEnvironment.ts";
import { PythonUnavailable } from "./PythonUnavailable.ts";

/** Reads package names, a line each, and says which versions of them are installed. */
const LIST_VERSIONS = `
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
versions = {name: version(name) for name in sys.stdin.read().split()}
print(json.dumps({"executable": sys.executable, "python": "%d.%d" % sys.version_info[:2], "versions": versions}))`;

interface Installed {
  readonly executable: string;
  readonly python: string;
  readonly versions: { readonly [name: string]: string | null };
}

const listVersions = async (interpreter: string, packages: ReadonlyArray<string>) => {
  const { execa } = await import("execa"); // takes 40 ms, which a plan can do without
  return execa(interpreter, ["-I", "-c", LIST_VERSIONS], {
    reject: false,
    input: packages.join("\n"),
  });
};

/** Its path and identity: the digest of what it has of these packages, marked as not coming from a lock. */
export const givenPython = (
  interpreter: string,
  packages: ReadonlyArray<string>,
): Effect.Effect<TrainerPython, PythonUnavailable> =>
  Effect.gen(function* () {
    const answer = yield* Effect.promise(() => listVersions(interpreter, packages));
    if (answer.failed) {
      return yield* new PythonUnavailable({
        reason: "no-python",
        message: `PIPE_PYTHON is ${interpreter}, which does not run: ${answer.shortMessage}`,
        fix: "let PIPE_PYTHON name a Python interpreter that has the trainers' requirements, or unset it to have one made",
      });
    }
    const { executable, python, versions } = JSON.parse(answer.stdout) as Installed;
    return { python: executable, identity: `installed:${digestJson({ python, versions })}` };
  });
