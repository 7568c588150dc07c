/**
 * `npm test`: types, lint and format, then vitest beside pytest in the trainers' environment, which prints when vitest has ended; the last
 * line counts both.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { ensurePython } from "../executors/PythonEnvironment.ts";
import { runPytest, runVitest, testEnvironment, total } from "./suites.mjs";

const root = path.resolve(import.meta.dirname, "..");
const failures = [];

const step = (name, command, args) => {
  console.log(`\n── ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) failures.push(name);
};

step("types", "npm", ["run", "-s", "check"]);
step("lint", "oxlint", ["--deny-warnings"]);
step("format", "oxfmt", ["--check"]);
console.log("\n── the trainers' Python");
const { python } = await ensurePython(testEnvironment, (message) => console.log(message));
step("types and lint of Python", "npm", ["run", "-s", "check:python"]);

console.log("\n── vitest, with pytest beside it");
const vitestEnded = runVitest();
const pytestEnded = runPytest(python, ["test/trainers"], {
  env: { PYTHONPATH: root },
  printAfter: vitestEnded,
});
const vitest = total(await vitestEnded);
const pytest = total(await pytestEnded);

if (failures.length > 0) console.log(`\nfailed: ${failures.join(", ")}`);
const failed = vitest.failed + pytest.failed + failures.length;
console.log(`\n${vitest.passed + pytest.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
