/** The tools that benchmarks compare with, installed once under the user's cache directory at the versions below. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const fromPyPI = [
  "doit==0.37.0",
  "dvc==3.67.1",
  "ninja==1.13.2",
  "redun==0.44.1",
  "snakemake==9.27.1",
];
/** In an environment of its own: it needs older releases of what the others need, such as rich and click. */
const apart = ["ai2-tango==1.3.2"];
const fromNpm = ["turbo@2.11.11", "wireit@0.14.13"];

/** The versions of the installed tools, or of those named, on one line. */
export const peerVersions = (names) => {
  const fromSystem = ["make"].map((tool) => `${tool}@${versionOf(tool)}`);
  return [...fromPyPI, ...apart, ...fromNpm, ...fromSystem]
    .map((pinned) => pinned.split(/==|@/u))
    .filter(([name]) => names === undefined || names.includes(name))
    .map((words) => words.join(" "))
    .join(", ");
};

const versionOf = (tool) => {
  const { stdout } = spawnSync(tool, ["--version"], { encoding: "utf8" });
  return /\d+(?:\.\d+)+/u.exec(stdout ?? "")?.[0] ?? "not installed";
};

const run = (command, args, cwd) => {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}\n${stderr.trim().slice(-1000)}`);
};

const installIn = (directory) => {
  console.error(`installing ${[...fromPyPI, ...apart, ...fromNpm].join(", ")}`);
  const building = `${directory}.building`;
  fs.rmSync(building, { recursive: true, force: true });
  fs.mkdirSync(building, { recursive: true });
  fs.writeFileSync(path.join(building, "package.json"), '{ "private": true }\n');
  run("npm", ["install", "--no-fund", "--no-audit", ...fromNpm], building);
  fs.renameSync(building, directory);
  // A venv can't be moved, so it is made in place, and last.
  for (const [name, packages] of [
    ["venv", fromPyPI],
    ["apart", apart],
  ]) {
    run("python3", ["-m", "venv", name], directory);
    run(`${name}/bin/pip`, ["install", "--quiet", ...packages], directory);
  }
  fs.writeFileSync(path.join(directory, "complete"), "");
};

const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
const directoryOf = (versions) => {
  const name = createHash("sha256").update(versions.join()).digest("hex");
  return path.join(cache, "pipe", "bench", name.slice(0, 12));
};

/** The packages that trainings are compared in: our trainers' own versions, and TRL's newest when this was written. */
const forTraining = ["trl==1.16.0", "torch==2.13.0", "transformers==5.17.0", "pyarrow==26.0.1"];
const beside = ["pillow==13.0.0", "jinja2"];

/** The output of a program in a Python. */
const answerOf = (python, program) => {
  const { status, stdout, stderr } = spawnSync(python, ["-c", program], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${python} -c '${program}'\n${stderr.trim().slice(-1000)}`);
  return stdout.trim();
};

/** The Python with TRL and our trainers' packages, installed if it is missing and `PIPE_PYTHON` names none, and the versions to name. */
export const trainingPython = () => {
  const python = process.env.PIPE_PYTHON || installedPython();
  const names = forTraining.map((pinned) => pinned.split("==")[0]);
  const versions = answerOf(
    python,
    `from importlib.metadata import version; print(", ".join(f"{name} {version(name)}" for name in ${JSON.stringify(names)}))`,
  );
  return { python, versions };
};

/** The name and the driver of the GPU that this Python's PyTorch uses; undefined without one. */
export const nameOfGpu = (python) => {
  const program =
    "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')";
  const name = answerOf(python, program);
  if (name === "") return undefined;
  const query = ["--query-gpu=driver_version", "--format=csv,noheader"];
  const { stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8" });
  return `${name}, driver ${(stdout ?? "").split("\n")[0] || "unknown"}`;
};

const installedPython = () => {
  const directory = directoryOf(forTraining);
  const python = path.join(directory, "bin", "python");
  if (!fs.existsSync(path.join(directory, "complete"))) {
    console.error(`installing ${forTraining.join(", ")}`);
    fs.rmSync(directory, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(directory), { recursive: true });
    run("python3", ["-m", "venv", directory]);
    run(python, ["-m", "pip", "install", "--quiet", ...forTraining, ...beside]);
    fs.writeFileSync(path.join(directory, "complete"), "");
  }
  return python;
};

/** Installs the tools if they are missing and puts them first on the PATH. A tool that can't be had is skipped by its benchmark. */
export const usePeers = () => {
  const directory = directoryOf([...fromPyPI, ...apart, ...fromNpm]);
  try {
    if (!fs.existsSync(path.join(directory, "complete"))) {
      fs.rmSync(directory, { recursive: true, force: true });
      installIn(directory);
    }
  } catch (error) {
    console.error(`the tools to compare with can't be installed: ${error.message}`);
  }
  const programs = ["venv/bin", "node_modules/.bin", "apart/bin"].map((part) =>
    path.join(directory, part),
  );
  process.env.PATH = [...programs, process.env.PATH].join(path.delimiter);
};
