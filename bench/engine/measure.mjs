/** Flags, costs of a process tree (`measure.py`), their statistics and tables, for all benchmarks. */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

const wrapper = path.join(import.meta.dirname, "measure.py");
const python = fs.existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/**
 * The setup of a benchmark: its flags, `defaults` by name, and `bench`, a new directory below `--dir` that is removed at the
 * end. Every benchmark has `--rounds`, `--dir` and `--pipe`.
 */
export const setUp = (defaults) => {
  const pipe = path.resolve(import.meta.dirname, "..", "..", "bin", "pipe");
  const all = { rounds: "5", dir: os.tmpdir(), pipe, ...defaults };
  const options = Object.entries(all).map(([name, value]) => [
    name,
    { type: typeof value, default: value },
  ]);
  const { values: flags } = parseArgs({ options: Object.fromEntries(options) });
  const bench = fs.mkdtempSync(path.join(flags.dir, "pipe-bench-"));
  process.on("exit", () => fs.rmSync(bench, { recursive: true, force: true }));
  return { flags, bench, rounds: Number(flags.rounds), pipe: path.resolve(flags.pipe) };
};

/** Without the variables of `npm run`, by which wireit would take this package's script for its own and run it again. */
const ownEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));

/**
 * { cpu, wall (seconds), peakKb, largest (the process with that peak), bytesRead }, and status null if it was killed after `limit`
 * seconds. A failure ends the benchmark.
 */
export const measure = (
  command,
  { cwd = ".", environment = {}, mayFail = false, limit = 3600 } = {},
) => {
  const report = path.join(os.tmpdir(), `measure-${randomUUID()}.json`);
  const { stdout, stderr } = spawnSync(
    python,
    ["-I", "-S", wrapper, report, String(limit), ...command],
    {
      cwd,
      env: { ...ownEnvironment(), ...environment },
      encoding: "utf8",
      maxBuffer: 1 << 30,
    },
  );
  const cost = JSON.parse(fs.readFileSync(report, "utf8"));
  fs.rmSync(report);
  if (cost.status !== 0 && cost.status !== null && !mayFail)
    throw new Error(
      `${command.join(" ")} ended with ${cost.status}\n${`${stdout}\n${stderr}`.trim().slice(-2000)}`,
    );
  return cost;
};

/** Benchmarks need a build: without an up-to-date one, `pipe` runs the sources and starts slowly. */
export const buildIfStale = (pipe) => {
  const root = path.dirname(path.dirname(pipe));
  const build = '. "$root/scripts/stale.sh"; [ -z "$stale" ] || exec sh "$root/scripts/prepare.sh"';
  spawnSync("sh", ["-c", build], { env: { ...process.env, root }, stdio: "inherit" });
};

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** `0.42 [0.40–0.51]`; a single value stands alone. */
export const spread = (values, digits = 2) => {
  const text = (value) => value.toFixed(digits);
  return values.length === 1
    ? text(values[0])
    : `${text(median(values))} [${text(Math.min(...values))}–${text(Math.max(...values))}]`;
};

/** Prints a table; the first column is aligned left, the others right. */
export const printTable = (head, rows) => {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column].length)),
  );
  for (const row of [head, ...rows])
    console.log(
      row
        .map((cell, column) => cell[column === 0 ? "padEnd" : "padStart"](widths[column]))
        .join("  "),
    );
};

export const machine = (directory) => {
  const cpus = os.cpus();
  const { stdout } = spawnSync("stat", ["-f", "-c", "%T", directory], { encoding: "utf8" });
  const load = os.loadavg().map((value) => value.toFixed(1));
  return `${cpus[0].model.trim()}, ${os.availableParallelism()} cores, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}, Linux ${os.release()}, ${stdout.trim()}; load ${load.join(" ")}`;
};

/** `targets`: [name, measured, met]; `met` is undefined where it was not measured. */
export const printTargets = (targets) => {
  console.log("\ntargets");
  printTable(
    ["", "measured", ""],
    targets.map(([what, measured, met]) => [
      what,
      measured,
      met === undefined ? "not measured" : met ? "met" : "NOT MET",
    ]),
  );
};
