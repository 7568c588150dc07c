/**
 * Runs vitest or pytest and counts. Up to eight tests that fail beside all others, on two cores, run again by themselves: those that pass
 * then are named, and count as passed.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pipeEnvironment } from "../stages/environments.ts";

const root = path.resolve(import.meta.dirname, "..");

/** The trainers' Python with what tests and checks need. */
export const testEnvironment = {
  ...pipeEnvironment,
  locks: [...pipeEnvironment.locks, path.join(root, "trainers/requirements-test.lock")],
};

/** More failures than this are no accident of timing. */
const MOST_RERUN = 8;

/** Starts a program; resolves to its exit code, null where a signal or a missing program ended it. */
const start = (command, args, { output = "inherit", env = {} } = {}) =>
  new Promise((resolve) => {
    const stdio = ["ignore", output, output];
    const child = spawn(command, args, { cwd: root, stdio, env: { ...process.env, ...env } });
    child.once("error", (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(null);
    });
    child.once("close", resolve);
  });

const inReports = async (use) => {
  const reports = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-test-"));
  try {
    return await use(reports);
  } finally {
    fs.rmSync(reports, { recursive: true, force: true });
  }
};

/** A run is its exit code, the number of passed tests and the names of failed ones; `again` runs these by themselves. */
const withRerun = async (first, again) => {
  if (first.failed.length === 0 || first.failed.length > MOST_RERUN) return first;
  console.log(`\n── ${first.failed.length} failed beside the others; by themselves:`);
  const second = await again();
  const unstable = first.failed.filter((name) => !second.failed.includes(name));
  for (const name of unstable) console.log(`failed beside the others, passed by itself: ${name}`);
  return { ...second, passed: first.passed + unstable.length };
};

/** The counts for a command's last line. A runner that ended badly without a failed test, as one that crashed, counts as one failure. */
export const total = ({ code, passed, failed }) => ({
  passed,
  failed: code === 0 ? failed.length : Math.max(1, failed.length),
});

/** A file whose hook failed has no failed test: it stands for one. */
const failedTests = ({ name, assertionResults }) => {
  const tests = assertionResults.filter(({ status }) => status === "failed");
  return tests.length === 0 ? [name] : tests.map(({ fullName }) => fullName);
};

export const runVitest = () =>
  inReports(async (reports) => {
    const run = async (name, args) => {
      const file = path.join(reports, `${name}.json`);
      const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
      const code = await start("vitest", ["run", ...reporters, ...args]);
      const report = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
      const { numPassedTests: passed = 0, testResults = [] } = report;
      const files = testResults.filter(({ status }) => status === "failed");
      const failed = files.flatMap(failedTests);
      return { code, passed, failed, files: files.map(({ name: at }) => at) };
    };
    const first = await run("all", []);
    return withRerun(first, () => run("again", ["--no-file-parallelism", ...first.files]));
  });

/** With `printAfter`, a promise, the output waits for it, as does the second run. */
export const runPytest = (python, args, { env, printAfter } = {}) =>
  inReports(async (reports) => {
    const run = async (name, options, output) => {
      const file = path.join(reports, `${name}.xml`);
      const command = ["-m", "pytest", `--junitxml=${file}`, "-q", ...args, ...options];
      const code = await start(python, command, { env, output });
      return { code, ...readJunit(file) };
    };
    const kept = path.join(reports, "output.txt");
    const first = await run("all", [], printAfter && fs.openSync(kept, "w"));
    if (printAfter) {
      await printAfter;
      console.log(`\n── pytest\n${fs.readFileSync(kept, "utf8")}`);
    }
    return withRerun(first, () => run("again", ["--last-failed"]));
  });

const readJunit = (file) => {
  const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  const counted = (name) =>
    Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`, "u").exec(text)?.[1] ?? 0);
  const broken =
    /<testcase [^>]*?classname="([^"]*)"[^>]*? name="([^"]*)"[^>]*>\s*<(?:failure|error)\b/gu;
  const failed = [...text.matchAll(broken)].map(([, place, name]) => `${place} ${name}`);
  const bad = counted("failures") + counted("errors");
  return { passed: counted("tests") - bad - counted("skipped"), failed };
};
