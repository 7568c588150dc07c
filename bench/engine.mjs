/**
 * The engine against other tools on the same graph, side by side: one upstream, N tiny tasks, one fan-in.
 *
 *   npm run bench -- engine [--sizes 100,1000] [--rounds 5] [--tools pipe,make] [--limit 120] [--planning 100000] [--full] [--dir DIR]
 *                            [--pipe PATH]
 *
 * CPU seconds are user and system time of the whole process tree. Each round runs each tool once through all scenarios, so a change in
 * the machine's load affects all of them; a slow tool drops out of later rounds. A tool that is not on the PATH is skipped. One of whose
 * commands takes longer than the limit, in seconds, is stopped, and left out at larger sizes.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import {
  buildIfStale,
  machine,
  measure,
  median,
  printTable,
  printTargets,
  setUp,
  spread,
} from "./engine/measure.mjs";
import { pipeGrid, tools } from "./engine/tools.mjs";
import { peerVersions, usePeers } from "./peers.mjs";

const root = path.resolve(import.meta.dirname, "..");
const { flags, bench, rounds, pipe } = setUp({
  sizes: "100,1000",
  tools: "",
  limit: "120",
  planning: "100000",
  full: false,
});
const sizes = flags.sizes.split(",").map(Number);
const asked = flags.tools.split(",").filter((name) => name !== "");
const settings = {
  jobs: 2,
  node: path.join(root, "node_modules", ".bin", "node"),
  pipe,
};
/** A tool whose rounds at one size take longer gets no further round. */
const enoughSeconds = 20;

let directories = 0;
const freshDirectory = () => {
  const directory = path.join(bench, String((directories += 1)));
  fs.mkdirSync(directory);
  return directory;
};

const progress = (text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
};

const ranIn = (directory) => {
  const log = path.join(directory, "ran.log");
  return fs.existsSync(log) ? fs.readFileSync(log, "utf8").split("\n").length - 1 : 0;
};

/** One run of a tool in a directory in `state`. */
const runOnce = (tool, directory, state) => {
  tool.write(directory, state);
  const before = ranIn(directory);
  const environment = { ...tool.environment };
  if (tool.path !== undefined) environment.PATH = `${tool.path(directory)}:${process.env.PATH}`;
  const limit = Number(flags.limit);
  const cost = measure(tool.command(settings), { cwd: directory, environment, limit });
  return { ...cost, ran: ranIn(directory) - before };
};

/** A user's edits of the graph, in order. */
const scenarios = ["cold", "no-op", "one edit", "equal upstream", "revert"];

/** The costs of the scenarios, the last one that of a stopped command if there is one. */
const runRound = (tool, size, round) => {
  const directory = freshDirectory();
  if (tool.prepare !== undefined) measure(tool.prepare, { cwd: directory });
  const base = { size, comment: "as it was" };
  const edit = `edited${round}`;
  const states = [base, base, { ...base, edit }, { size, edit, comment: `edited ${round}` }, base];
  const costs = [];
  for (const state of states) {
    if (costs.some(isStopped)) break;
    costs.push(runOnce(tool, directory, state));
  }
  fs.rmSync(directory, { recursive: true });
  return costs;
};

const isInstalled = (tool) =>
  spawnSync("sh", ["-c", `command -v "${tool.program(settings)}"`]).status === 0;

const isStopped = ({ status }) => status === null;
/** The tools that were stopped at a smaller size. */
const tooSlow = new Set();

const runSize = (size) => {
  const taking = tools.filter(
    (tool) =>
      isInstalled(tool) &&
      !tooSlow.has(tool) &&
      (asked.length === 0 || asked.some((name) => tool.name.startsWith(name))),
  );
  const costs = new Map(taking.map((tool) => [tool, scenarios.map(() => [])]));
  for (let round = 0; round < rounds; round += 1) {
    for (const tool of taking) {
      const past = costs.get(tool);
      const seconds = past.flat().reduce((sum, { wall }) => sum + wall, 0);
      if (tooSlow.has(tool) || (round > 0 && seconds + seconds / round > enoughSeconds)) continue;
      progress(`${size}, round ${round + 1} of ${rounds}: ${tool.name}`);
      runRound(tool, size, round).forEach((cost, index) => past[index].push(cost));
      if (past.flat().some(isStopped)) tooSlow.add(tool);
    }
  }
  progress("");
  return costs;
};

const valuesOf = (costs, field) => costs.map((cost) => cost[field]);

const scenarioCell = (costs) => {
  if (costs.length === 0) return "–";
  const ran = [...new Set(valuesOf(costs, "ran"))].join("/");
  if (costs.some(isStopped)) return `stopped after ${flags.limit} s, x${ran}`;
  return `${spread(valuesOf(costs, "cpu"))} (${median(valuesOf(costs, "wall")).toFixed(1)}) x${ran}`;
};

const printSize = (size, costs) => {
  console.log(`\nN = ${size} (${size + 2} tasks), CPU s [min–max], wall s, tasks that ran`);
  printTable(
    ["", "n", ...scenarios, "peak MB"],
    [...costs].map(([tool, byScenario]) => {
      const largest = byScenario.flat().reduce((a, b) => (b.peakKb > a.peakKb ? b : a));
      return [
        tool.name,
        String(byScenario[0].length),
        ...byScenario.map(scenarioCell),
        `${(largest.peakKb / 1024).toFixed(0)} ${largest.largest}`,
      ];
    }),
  );
};

/** CPU seconds of one task like `part`, started by a minimal program. */
const measureFloors = () => {
  const repeat = (body) => Array.from({ length: rounds }, body);
  const count = 1000;
  const loop = (each) => {
    const directory = freshDirectory();
    fs.writeFileSync(path.join(directory, "up"), "line\n");
    fs.mkdirSync(path.join(directory, "part"));
    const script = `import os
def spawn(i, program, *options):
    pid = os.posix_spawn(program, [program, *options, "-c", f"read x < up; echo \\"$x {i}\\" > part/{i}; echo part >> ran.log"], os.environ)
    os.waitpid(pid, 0)
def sh(i):
    spawn(i, "/bin/sh")
def bash(i):
    spawn(i, "/bin/bash", "-euo", "pipefail")
def keep(i):
    with open(f"part/{i}") as file:
        os.fsync(file.fileno())
    os.rename(f"part/{i}", f"part/{i}.kept")
    os.mkdir(f"work{i}")
    os.rmdir(f"work{i}")
    with index:
        index.execute("INSERT INTO kept VALUES (?, ?)", (str(i), "record" * 100))
import sqlite3
index = sqlite3.connect("index.sqlite")
index.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE kept (key TEXT PRIMARY KEY, record TEXT)")
for i in range(${count}):
    ${each}`;
    return measure(["python3", "-I", "-S", "-c", script], { cwd: directory });
  };
  const floors = {
    node: repeat(() => measure([settings.node, "-e", "0"])),
    start: repeat(() => measure([settings.pipe, "--version"])),
    spawn: repeat(() => loop("sh(i)")),
    kept: repeat(() => loop("sh(i); keep(i)")),
    bash: repeat(() => loop("bash(i)")),
  };
  console.log(`\nfloors, CPU s [min–max], wall s; n = ${rounds}`);
  printTable(
    ["", "CPU", "wall", "CPU ms a task"],
    [
      ["node -e 0", floors.node],
      ["pipe --version", floors.start],
      [`the same sh ${count} times, spawned by a loop in Python`, floors.spawn, count],
      ["and each result synced, renamed and committed to SQLite", floors.kept, count],
      ["the same under bash -euo pipefail, as a command that is one text", floors.bash, count],
    ].map(([name, costs, tasks]) => [
      name,
      spread(valuesOf(costs, "cpu"), 3),
      median(valuesOf(costs, "wall")).toFixed(2),
      tasks === undefined ? "" : ((median(valuesOf(costs, "cpu")) / tasks) * 1000).toFixed(2),
    ]),
  );
  return { spawnMillis: (median(valuesOf(floors.spawn, "cpu")) / count) * 1000 };
};

const measurePlanning = (size) => {
  const directory = freshDirectory();
  const state = { size, comment: "as it was" };
  pipeGrid.write(directory, state);
  const command = [settings.pipe, "plan", "bench.yaml"];
  const plan = () => measure(command, { cwd: directory });
  const costs = { empty: Array.from({ length: Math.min(rounds, 3) }, plan) };
  if (flags.full) {
    progress(`making ${size} nodes`);
    runOnce(pipeGrid, directory, state);
    progress("");
    costs.full = Array.from({ length: Math.min(rounds, 3) }, plan);
    costs["full, run"] = [runOnce(pipeGrid, directory, state)];
  }
  console.log(`\nplanning ${size} nodes on two axes`);
  printTable(
    ["store", "n", "CPU s", "wall s", "peak MB"],
    Object.entries(costs).map(([store, each]) => [
      store,
      String(each.length),
      spread(valuesOf(each, "cpu")),
      spread(valuesOf(each, "wall")),
      (Math.max(...valuesOf(each, "peakKb")) / 1024).toFixed(0),
    ]),
  );
  return costs;
};

const ours = (costs) =>
  costs === undefined ? [] : [...costs].filter(([tool]) => tool.name.startsWith("pipe"));

/** The worst of our rows, and whether it meets the target. A row that was stopped has no number. */
const worst = (what, costs, valueOf, unit, limit, digits = 2) => {
  const values = ours(costs).map(([tool, byScenario]) => [valueOf(byScenario), tool.name]);
  if (values.length === 0) return [what, "-", undefined];
  if (!values.every(([value]) => Number.isFinite(value))) return [what, "stopped", false];
  const [value, name] = values.reduce((a, b) => (b[0] > a[0] ? b : a));
  return [what, `${value.toFixed(digits)} ${unit} (${name})`, value <= limit];
};

const cpu = (costs) => median(valuesOf(costs, "cpu"));
const peak = (costs) => Math.max(...valuesOf(costs, "peakKb")) / 1024;

const targetsOf = (bySize, floors, planning) => {
  const overSpawn =
    (size) =>
    ([cold, noop]) =>
      ((cpu(cold) - cpu(noop)) / (size + 2)) * 1000 - floors.spawnMillis;
  const at = (size) => bySize.get(size);
  const planned = planning === undefined ? [] : Object.values(planning).flat();
  const plans = [planning?.empty, planning?.full].filter((costs) => costs !== undefined);
  const planWorst = Math.max(
    ...plans.map((costs) => Math.max(cpu(costs), median(valuesOf(costs, "wall")))),
  );
  const planPeak = planning === undefined ? 0 : peak(planned);
  const enough = Number(flags.planning) >= 100_000;
  return [
    worst("no-op, N = 1,000: under 0.35 s CPU", at(1000), ([, noop]) => cpu(noop), "s", 0.35),
    worst("no-op, N = 10,000: under 1.2 s CPU", at(10_000), ([, noop]) => cpu(noop), "s", 1.2),
    // At smaller sizes the start of the supervisor dominates.
    ...sizes
      .filter((size) => size >= 1000)
      .map((size) =>
        worst(
          `own cost of an executed stage, N = ${size}: at most 3 ms CPU over a bare spawn`,
          at(size),
          overSpawn(size),
          "ms",
          3,
        ),
      ),
    ...sizes.map((size) =>
      worst(
        `one edit, N = ${size}: within 1.2x of a no-op`,
        at(size),
        ([, noop, edit]) => cpu(edit) / cpu(noop),
        "x",
        1.2,
      ),
    ),
    worst(
      "memory, N = 10,000: under 200 MB",
      at(10_000),
      (byScenario) => peak(byScenario.flat()),
      "MB",
      200,
      0,
    ),
    [
      "100,000 nodes plan in under 6 s, CPU and wall",
      enough ? `${planWorst.toFixed(2)} s` : "-",
      enough ? planWorst < 6 : undefined,
    ],
    [
      "memory, 100,000 nodes: under 700 MB",
      enough
        ? `${planPeak.toFixed(0)} MB${flags.full ? "" : " (plan, empty store; --full for more)"}`
        : "-",
      enough ? planPeak < 700 : undefined,
    ],
    ...sizes.map((size) => [
      `reverting runs nothing, equal upstream runs 1 task, N = ${size}`,
      ours(at(size))
        .map(([, byScenario]) => valuesOf(byScenario.slice(3).flat(), "ran").join(" "))
        .join("; "),
      ours(at(size)).length === 0
        ? undefined
        : ours(at(size)).every(
            ([, [, , , upstream, revert]]) =>
              revert.length > 0 &&
              upstream.every(({ ran }) => ran === 1) &&
              revert.every(({ ran }) => ran === 0),
          ),
    ]),
  ];
};

buildIfStale(settings.pipe);
usePeers();
console.log(machine(bench));
console.log(peerVersions());
const missing = tools.filter((tool) => !isInstalled(tool));
if (missing.length > 0)
  console.log(`skipped: ${missing.map((tool) => `${tool.name} (${tool.install})`).join(", ")}`);
// Fills Node's compile cache, as in earlier use.
measure([settings.pipe, "--version"]);
const floors = measureFloors();
const bySize = new Map();
for (const size of sizes) {
  bySize.set(size, runSize(size));
  printSize(size, bySize.get(size));
}
const planning = Number(flags.planning) > 0 ? measurePlanning(Number(flags.planning)) : undefined;
printTargets(targetsOf(bySize, floors, planning));
console.log(machine(bench));
