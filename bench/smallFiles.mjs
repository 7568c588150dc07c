/**
 * Many small files as the output of one stage: stored by `pipe`, beside `cp -r` (the floor: the same files, nothing hashed and
 * nothing synced) and `dvc add` (the same promise: content-addressed, linked, verified).
 *
 *   npm run bench -- smallFiles [--files 2000] [--rounds 5] [--dir DIR] [--pipe PATH]
 *
 * Each round runs all of them on files of its own. dvc comes from the venv of `peers.mjs`, and is skipped where that can't be had.
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
import { peerVersions, usePeers } from "./peers.mjs";

const { flags, bench, rounds, pipe } = setUp({ files: "2000" });
const files = Number(flags.files);

const perFolder = 100;
/** Files of some hundred bytes, no two equal; another round has others, so that nothing is stored before. */
const writeFiles = (directory, round) => {
  for (let index = 0; index < files; index += 1) {
    const folder = path.join(directory, String(Math.floor(index / perFolder)));
    if (index % perFolder === 0) fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, String(index)), `${round} ${index}\n`.repeat(40));
  }
};

const experiment = (directory) =>
  `name: e\nstages: { f: { use: files, with: { path: ${directory} } } }\n`;

usePeers();
buildIfStale(pipe);
const hasDvc = spawnSync("dvc", ["--version"]).status === 0;
const costs = new Map();
const note = (name, cost) => costs.set(name, [...(costs.get(name) ?? []), cost]);

/** A store and a repository that exist: their creation is no part of the cost. */
fs.writeFileSync(path.join(bench, "e.yaml"), experiment("first"));
fs.mkdirSync(path.join(bench, "first"));
fs.writeFileSync(path.join(bench, "first", "one"), "one");
measure([pipe, "run", "e.yaml"], { cwd: bench });
if (hasDvc) measure(["dvc", "init", "--no-scm", "--quiet"], { cwd: bench });

for (let round = 0; round < rounds; round += 1) {
  const directory = `round-${round}`;
  writeFiles(path.join(bench, directory), round);
  fs.writeFileSync(path.join(bench, "e.yaml"), experiment(directory));
  spawnSync("sync", ["-f", bench]);
  note("cp -r", measure(["cp", "-r", directory, `copy-${round}`], { cwd: bench }));
  note(
    "cp -r; sync",
    measure(["sh", "-c", `cp -r ${directory} synced-${round}; sync -f .`], { cwd: bench }),
  );
  note("pipe run", measure([pipe, "run", "e.yaml"], { cwd: bench }));
  note("pipe run, nothing to do", measure([pipe, "run", "e.yaml"], { cwd: bench }));
  if (hasDvc) note("dvc add", measure(["dvc", "add", "--quiet", directory], { cwd: bench }));
}

const of = (name, field) => costs.get(name).map((cost) => cost[field]);
console.log(machine(bench));
if (hasDvc) console.log(peerVersions(["dvc"]));
console.log(`\n${files} files of some hundred bytes, seconds [min–max], n = ${rounds}`);
printTable(
  ["", "wall s", "CPU s", "peak MB"],
  [...costs.keys()].map((name) => [
    name,
    spread(of(name, "wall")),
    spread(of(name, "cpu")),
    (Math.max(...of(name, "peakKb")) / 1000).toFixed(0),
  ]),
);
const ratio = (other) => median(of("pipe run", "wall")) / median(of(other, "wall"));
console.log(`pipe run takes ${ratio("cp -r; sync").toFixed(1)} times as long as cp -r and a sync`);
if (!hasDvc) console.log("dvc could not be installed and is left out");
printTargets([
  [
    "no slower than dvc add",
    hasDvc ? `${ratio("dvc add").toFixed(2)} times its time` : "",
    hasDvc ? ratio("dvc add") <= 1 : undefined,
  ],
]);
