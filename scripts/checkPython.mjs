/** `npm run check:python`: types by mypy and lint by ruff, both as pyproject.toml says. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { ensurePython } from "../executors/PythonEnvironment.ts";
import { testEnvironment } from "./suites.mjs";

const root = path.resolve(import.meta.dirname, "..");
const { python } = await ensurePython(testEnvironment, (message) => console.log(message));
for (const words of [["mypy"], ["ruff", "check", "--quiet", "--output-format=concise"]]) {
  const { status } = spawnSync(python, ["-m", ...words], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
