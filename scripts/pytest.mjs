/** `npm run pytest -- test/trainers/test_losses.py -k gamma`: pytest in the environment of the trainers' tests. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { ensurePython } from "../executors/PythonEnvironment.ts";
import { testEnvironment } from "./suites.mjs";

const root = path.resolve(import.meta.dirname, "..");
const { python } = await ensurePython(testEnvironment, (message) => console.log(message));
const { status } = spawnSync(python, ["-m", "pytest", ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, PYTHONPATH: root },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
