/**
 * The speed of hashing a large file in the store, as a share of SHA-256 over memory and of `sha256sum`; and the share of unchanged
 * local files that the next plan reads again.
 *
 *   npm run bench -- hashing [--mib 1024] [--rounds 5] [--dir DIR] [--pipe PATH]
 */
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { hashFile } from "../cache/Tree.ts";
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

const { flags, bench, rounds, pipe } = setUp({ mib: "1024" });
const mib = 2 ** 20;

const block = randomBytes(64 * mib);
const writeLarge = (file, blocks) => {
  const descriptor = fs.openSync(file, "w");
  for (let written = 0; written < blocks; written += 1) fs.writeSync(descriptor, block);
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
};

/** MiB per second of CPU time and of wall time. */
const rate = async (body) => {
  const [begun, before] = [performance.now(), process.cpuUsage()];
  await body();
  const { user, system } = process.cpuUsage(before);
  return {
    cpu: (blocks * 64e6) / (user + system),
    wall: (blocks * 64e3) / (performance.now() - begun),
  };
};

const blocks = Math.max(1, Math.round(Number(flags.mib) / 64));
const large = path.join(bench, "large");
writeLarge(large, blocks);
const rates = { memory: [], read: [], store: [], sha256sum: [] };
const chunk = Buffer.allocUnsafe(64 * 1024);
for (let round = 0; round < rounds; round += 1) {
  rates.memory.push(
    await rate(() => {
      const hash = createHash("sha256");
      for (let done = 0; done < blocks; done += 1) hash.update(block);
      hash.digest();
    }),
  );
  rates.read.push(
    await rate(() => {
      const descriptor = fs.openSync(large, "r");
      while (fs.readSync(descriptor, chunk, 0, chunk.length, null) > 0);
      fs.closeSync(descriptor);
    }),
  );
  rates.store.push(await rate(() => hashFile(large)));
  const { cpu, wall } = measure(["sha256sum", large]);
  rates.sha256sum.push({ cpu: (blocks * 64) / cpu, wall: (blocks * 64) / wall });
}
const of = (name, field) => rates[name].map((each) => each[field]);
const share = (other, field) => median(of("store", field)) / median(of(other, field));

console.log(machine(bench));
console.log(
  `\nSHA-256 of ${blocks * 64} MiB, MiB/s [min–max], n = ${rounds}; files are in the page cache`,
);
printTable(
  ["", "MiB per CPU second", "MiB per second"],
  [
    ["in memory (node:crypto)", "memory"],
    ["reading the file, 64 KiB at a time (floor)", "read"],
    ["the file, by the store", "store"],
    ["sha256sum of that file", "sha256sum"],
  ].map(([label, name]) => [label, spread(of(name, "cpu"), 0), spread(of(name, "wall"), 0)]),
);
/** The floor of one thread: copying the bytes from the kernel plus hashing them. */
const ceiling = 1 / (1 + median(of("memory", "cpu")) / median(of("read", "cpu")));
const percent = (value) => `${(value * 100).toFixed(0)} %`;
console.log(
  `the store's share of sha256sum's speed: ${percent(share("sha256sum", "cpu"))} by CPU, ${percent(share("sha256sum", "wall"))} by wall; the ceiling of one reading and hashing thread, as a share of the speed in memory: ${percent(ceiling)}`,
);

const project = path.join(bench, "project");
const sourceBlocks = Math.max(1, Math.round(blocks / 4));
const manyFiles = 1000;
fs.mkdirSync(path.join(project, "many"), { recursive: true });
writeLarge(path.join(project, "large"), sourceBlocks);
for (let index = 0; index < manyFiles; index += 1)
  fs.writeFileSync(path.join(project, "many", String(index)), block.subarray(index, index + 65536));
fs.writeFileSync(
  path.join(project, "reads.yaml"),
  `name: reads\nstages:\n  made: { use: command, with: { sources: [large, many], run: 'echo made > {out}/made' } }\n`,
);
fs.writeFileSync(
  path.join(project, "nothing.yaml"),
  `name: nothing\nstages:\n  made: { use: command, with: { run: 'echo made > {out}/made' } }\n`,
);
// The store hashes a file again if it changed within the clock's resolution of the last hashing: so the file ages first,
// and one run hashes it again.
const settle = () => setTimeout(3000);
await settle();
buildIfStale(pipe);
const steps = {};
const step = (name, ...args) => (steps[name] = measure([pipe, ...args], { cwd: project }));
step("run without sources", "run", "nothing.yaml");
step("plan without sources", "plan", "nothing.yaml");
step("first run", "run", "reads.yaml");
await settle();
step("second run", "run", "reads.yaml");
step("third run", "run", "reads.yaml");
step("plan", "plan", "reads.yaml");
const touched = path.join(project, "many", "0");
fs.utimesSync(touched, new Date(), new Date());
step("plan, one of 1,001 files touched", "plan", "reads.yaml");
const sources = sourceBlocks * 64 + (manyFiles * 65536) / mib;
console.log(
  `\nreading ${sources.toFixed(0)} MiB of sources: one file of ${sourceBlocks * 64} MiB and ${manyFiles} of 64 KiB`,
);
printTable(
  ["", "MiB read", "CPU s", "wall s"],
  Object.entries(steps).map(([name, { bytesRead, cpu, wall }]) => [
    name,
    (bytesRead / mib).toFixed(1),
    cpu.toFixed(2),
    wall.toFixed(2),
  ]),
);
const again = (name, without) => (steps[name].bytesRead - steps[without].bytesRead) / mib;
const rerun = Math.max(
  again("third run", "run without sources"),
  again("plan", "plan without sources"),
);

printTargets([
  ...["cpu", "wall"].map((field) => [
    `large files at 80 % of the speed of SHA-256 in memory, by ${field}`,
    percent(share("memory", field)),
    share("memory", field) >= 0.8,
  ]),
  [
    "unchanged source files are not read again",
    `${rerun.toFixed(1)} of ${sources.toFixed(0)} MiB`,
    rerun < sources / 100,
  ],
]);
