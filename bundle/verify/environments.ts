/**
 * Level 3, environments: a trainer's key has a digest of the locked packages and Python's version (`executors/PythonEnvironment.ts`), and
 * the bundle has the lock. Nothing proves that the trainers ran there.
 */
import { Result } from "effect";
import { parseLock } from "../../executors/LockFile.ts";
import { digestJson, type Json, shortDigest } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type Contents, runFile, textOf } from "./Contents.ts";

export const requirementsFile = "data/environment/requirements.lock";

/** Versions that trainers may run with, and the next one. */
const pythons = ["3.11", "3.12", "3.13", "3.14", "3.15"];

/** Requires a bundle whose keys are right. */
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
        `${counted(nodes.length, "node")} ran in a Python of PIPE_PYTHON (${environment.slice(0, 22)}), whose packages are not in the bundle`,
      );
    else if (/^[\da-f]{64}$/u.test(environment))
      findings.limit(
        `${counted(nodes.length, "node")} ran in environment ${shortDigest(environment)}, which is not the bundled lock with Python ${pythons[0]} to ${pythons.at(-1)}: not checked`,
      );
    else
      findings.add({
        file: runFile,
        number: `${nodes[0]}: keyParts.environment`,
        expected: "a digest, or `installed:` and a digest",
        found: environment,
        message: "is not the identity of a Python environment",
      });
  }
  if (looked.length < used.size || used.size === 0)
    looked.push(`${counted(used.size - looked.length, "environment")} as recorded`);
  return findings.check(looked.join(", "));
};

/** Pythons by the identities that the bundled lock gives. */
const lockedEnvironments = ({ bundle }: Contents): ReadonlyMap<string, string> => {
  if (!bundle.files.has(requirementsFile)) return new Map();
  const parsed = parseLock(textOf(bundle, requirementsFile));
  if (Result.isFailure(parsed)) return new Map();
  const requirements = [parsed.success] as unknown as Json;
  return new Map(pythons.map((python) => [digestJson({ python, requirements }), python]));
};
