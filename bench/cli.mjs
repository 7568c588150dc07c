/** Start-up of the command line, a refused spec, and `pipe score`, against the floor: an empty Node program. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { machine } from "./engine/measure.mjs";

const root = path.resolve(import.meta.dirname, "..");
const node = path.join(root, "node_modules", ".bin", "node");
const pipe = path.join(root, "bin", "pipe");
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-bench-"));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Median and spread of wall milliseconds over `rounds`. */
const measure = (name, command, args, { rounds = 9, input } = {}) => {
  const walls = Array.from({ length: rounds }, () => {
    const begun = performance.now();
    spawnSync(command, args, { cwd: dir, input, maxBuffer: 1 << 30 });
    return performance.now() - begun;
  });
  const value = median(walls);
  console.log(
    `${name.padEnd(44)} ${value.toFixed(0).padStart(6)} ms  [${Math.min(...walls).toFixed(0)}, ${Math.max(...walls).toFixed(0)}]`,
  );
  return value;
};

console.log(machine(dir));
fs.writeFileSync(path.join(dir, "bad.yaml"), "name: bad\nstages:\n  a: { use: rendr }\n");
const floor = measure("node -e 0 (floor)", node, ["-e", "0"]);
const help = measure("pipe --help", pipe, ["--help"]);
const refused = measure("pipe run bad.yaml (refused)", pipe, ["run", "bad.yaml"]);
console.log(
  `over the floor: --help ${(help / floor).toFixed(1)}x, refusal ${(refused / floor).toFixed(1)}x`,
);

const { generateTranscripts } = await import("./transcripts.mjs");
const lines = generateTranscripts(50_000);
const read = measure(
  "node reading the same lines (floor)",
  node,
  ["-e", "let n=0;process.stdin.on('data',c=>n+=c.length)"],
  { rounds: 3, input: lines },
);
const scored = measure("pipe score, 50,000 Sudoku transcripts", pipe, ["score"], {
  rounds: 3,
  input: lines,
});
console.log(
  `${(lines.length / 1e6).toFixed(0)} MB; over the floor: ${(scored / read).toFixed(1)}x; ${(50_000 / (scored / 1000)).toFixed(0)} transcripts/s`,
);
fs.rmSync(dir, { recursive: true, force: true });
