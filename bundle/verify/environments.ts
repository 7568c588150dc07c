/**
 * The Python behind the keys of trainers: a key has a digest of the locked packages and Python's version (`executors/PythonEnvironment.ts`),
 * and the bundle has the lock. That the trainers really ran there is the key's word.
 */
import { Result } from "effect";
import { parseLock } from "../../executors/LockFile.ts";
import { digestJson, type Json, shortDigest } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type Contents, runFile, textOf } from "./Contents.ts";

export const requirementsFile = "data/environment/requirements.lock";

/** Those that trainers may run with; the last is ahead of its time. */
const pythons = ["3.11", "3.12", "3.13", "3.14", "3.15"];

/** For a bundle whose keys are right. */
export const verifyEnvironments = (contents: Contents): Check => {
  const findings = new Findings(3, "environments");
  const locked = lockedEnvironments(contents);
  const used = new Map<string, Array<string>>();
  for (const { node, keyParts } of contents.run.nodes) {
    const { environment } = recordedParts(keyParts);
    if (environment !== undefined) used.set(environment, [...(used.get(environment) ?? []), node]);
  }
  const looked: Array<string> = [];
  for (const [environment, nodes] of used) {
    const python = locked.get(environment);
    if (python !== undefined)
      looked.push(`${counted(nodes.length, "node")} with the locked packages and Python ${python}`);
    else if (/^installed:[\da-f]{64}$/u.test(environment))
      findings.limit(
        `${counted(nodes.length, "node")} ran in a Python of their own (PIPE_PYTHON, ${environment.slice(0, 22)}): its packages are not in the bundle`,
      );
    else if (/^[\da-f]{64}$/u.test(environment))
      findings.limit(
        `${counted(nodes.length, "node")} ran in environment ${shortDigest(environment)}, which is not the bundled lock with Python ${pythons[0]} to ${pythons.at(-1)}: taken as recorded`,
      );
    else
      findings.add({
        file: runFile,
        number: `${nodes[0]}: keyParts.environment`,
        expected: "a digest, or installed: and one",
        found: environment,
        message: "is no identity of a Python environment",
      });
  }
  if (looked.length < used.size || used.size === 0)
    looked.push(`${counted(used.size - looked.length, "environment")} as recorded`);
  return findings.check(looked.join(", "));
};

/** Every identity that the bundled lock can give, with its Python. */
const lockedEnvironments = ({ bundle }: Contents): ReadonlyMap<string, string> => {
  if (!bundle.files.has(requirementsFile)) return new Map();
  const parsed = parseLock(textOf(bundle, requirementsFile));
  if (Result.isFailure(parsed)) return new Map();
  const requirements = [parsed.success] as unknown as Json;
  return new Map(pythons.map((python) => [digestJson({ python, requirements }), python]));
};
