/** `npm test`: types, lint, vitest, then pytest in the trainers' environment; ends with one line that counts both. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ensurePython } from "../executors/PythonEnvironment.ts";

const root = path.resolve(import.meta.dirname, "..");
const reports = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-test-"));
const failures = [];

const step = (name, command, args, env = {}) => {
  console.log(`\n── ${name}`);
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (status !== 0) failures.push(name);
};

step("types", "tsc", ["--noEmit"]);
step("lint", "oxlint", ["--deny-warnings"]);
step("format", "oxfmt", ["--check"]);
console.log("\n── the trainers' Python");
const locks = ["requirements.lock", "requirements-test.lock"].map((name) =>
  path.join(root, "trainers", name),
);
const { python } = await ensurePython(locks, (message) => console.log(message));
const vitestReport = path.join(reports, "vitest.json");
step("vitest", "vitest", [
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${vitestReport}`,
]);

const pytestReport = path.join(reports, "pytest.xml");
step("pytest", python, ["-m", "pytest", "test/trainers", `--junitxml=${pytestReport}`, "-q"], {
  PYTHONPATH: root,
});

const vitest = fs.existsSync(vitestReport)
  ? JSON.parse(fs.readFileSync(vitestReport, "utf8"))
  : undefined;
const pytest = fs.existsSync(pytestReport) ? fs.readFileSync(pytestReport, "utf8") : "";
const counted = (name) =>
  Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`, "u").exec(pytest)?.[1] ?? 0);
const pytestFailed = counted("failures") + counted("errors");
const failed = (vitest?.numFailedTests ?? 0) + pytestFailed;
const passed = (vitest?.numPassedTests ?? 0) + counted("tests") - pytestFailed - counted("skipped");
fs.rmSync(reports, { recursive: true, force: true });

// A step that failed without a failed test (types, lint, a runner that broke) counts as one.
const broken = failures.length > 0 ? Math.max(failed, failures.length) : failed;
if (failures.length > 0) console.log(`\nfailed: ${failures.join(", ")}`);
console.log(`\n${passed} passed, ${broken} failed`);
process.exitCode = broken === 0 ? 0 : 1;
