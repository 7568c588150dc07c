// CPU time of one image: our drawing against matplotlib with networkx, for the same instances at the same pixel size in the same run.
//   node bench/draw.mjs
// python3 and pip install matplotlib in a temporary virtual environment; without them only our figures are printed.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Schema } from "effect";
import { ImageParams } from "../tasks/draw/Image.ts";
import { Random } from "../stats/Random.ts";
import { machine } from "./engine/measure.mjs";
import { TaskParams, tasks } from "../tasks/tasks.ts";

const requirements = ["matplotlib==3.10.7", "networkx==3.6"];
const repetitions = 5;
const perRepetition = { ours: 100, matplotlib: 10 };
/** The target: at most this share of matplotlib's CPU time. */
const promised = 1 / 5;

const cases = [
  ["graph, 9 vertices, circular", { kind: "graph-coloring", vertices: 9 }, { size: 512 }],
  [
    "graph, 9 vertices, force",
    { kind: "graph-coloring", vertices: 9, layout: "force" },
    { size: 512 },
  ],
  ["Sudoku 9x9, 16 blanks", { kind: "sudoku", size: 9, blanks: 16 }, { size: 512 }],
  ["Sudoku 9x9, 45 blanks", { kind: "sudoku", size: 9, blanks: 45 }, { size: 512 }],
  [
    "graph, 5 vertices, circular, grey",
    { kind: "graph-coloring", vertices: 5 },
    { size: 64, color: false },
  ],
  [
    "Sudoku 4x4, 5 blanks, grey",
    { kind: "sudoku", size: 4, blanks: 5 },
    { size: 64, color: false },
  ],
].map(([label, taskParams, imageParams]) => {
  const params = Schema.decodeUnknownSync(TaskParams)(taskParams);
  const image = Schema.decodeUnknownSync(ImageParams)(imageParams);
  const task = tasks[params.kind];
  const instances = Array.from({ length: perRepetition.ours }, (_, i) =>
    task.generate(params, Random.of("bench", i)),
  );
  return { name: `${label}, ${image.size} px`, task, params, image, instances };
});

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const measureOurs = ({ task, params, image, instances }) => {
  const start = process.cpuUsage();
  instances.forEach((truth, i) => task.draw(truth, params, image, Random.of("picture", i)));
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / instances.length;
};

const measureMatplotlib = () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-bench-"));
  const python = path.join(folder, "bin", "python");
  const run = (command, args, input) =>
    execFileSync(command, args, {
      input,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe"],
      maxBuffer: 1 << 26,
    });
  try {
    console.error(`installing ${requirements.join(" and ")} into ${folder} ...`);
    run("python3", ["-m", "venv", folder]);
    run(python, [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      ...requirements,
    ]);
    const work = cases.map(({ name, task, params, image, instances }) => ({
      name,
      task: task.name,
      layout: params.layout ?? null,
      size: image.size,
      instances: instances
        .slice(0, perRepetition.matplotlib)
        .map((truth) => JSON.parse(task.groundTruth(truth))),
    }));
    return JSON.parse(
      run(
        python,
        [fileURLToPath(new URL("draw_matplotlib.py", import.meta.url))],
        JSON.stringify({ repetitions, cases: work }),
      ),
    );
  } catch (error) {
    console.error(
      `matplotlib could not be measured: ${String(error.stderr || error.message)
        .trim()
        .split("\n")
        .at(-1)}`,
    );
    return undefined;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
};

const theirs = measureMatplotlib();
console.log(machine(os.tmpdir()));
if (theirs !== undefined) console.log(requirements.join(", ").replaceAll("==", " "));
for (const measured of cases) measureOurs(measured);
const rows = cases.map((measured) => {
  const ours = median(Array.from({ length: repetitions }, () => measureOurs(measured)));
  const matplotlib = theirs && median(theirs[measured.name]);
  return { name: measured.name, ours, matplotlib, ratio: matplotlib && matplotlib / ours };
});

const text = (value, digits) => (value === undefined ? "-" : value.toFixed(digits)).padStart(12);
console.log(
  `CPU ms an image, median of ${repetitions}`.padEnd(46) +
    "ours".padStart(12) +
    "matplotlib".padStart(12) +
    "times less".padStart(12),
);
for (const row of rows)
  console.log(
    row.name.padEnd(46) + text(row.ours, 2) + text(row.matplotlib, 1) + text(row.ratio, 1),
  );
if (theirs !== undefined) {
  const met = rows.every((row) => row.ratio * promised >= 1);
  console.log(
    met
      ? "Every picture costs at most a fifth of matplotlib's."
      : "A picture costs more than a fifth of matplotlib's.",
  );
  process.exitCode = met ? 0 : 1;
}
