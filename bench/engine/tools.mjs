/**
 * The same graph in every tool: `up`, then N times `part`, then `all`. Each task is one `sh` that reads its inputs, writes one line
 * and adds its name to `ran.log`, so the benchmark counts the tasks that ran.
 *
 * A state of the graph is { size, edit, comment }: `edit` is the parameter that part 17 gets in place of its own, `comment` changes
 * the command of `up` but not its output. `write` writes the files of a state into a directory and leaves equal files alone; `command`
 * is the command line of a user.
 */
import fs from "node:fs";
import path from "node:path";

const edited = 17;

const put = (directory, name, text) => {
  const file = path.join(directory, name);
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
};

const indices = (size) => Array.from({ length: size }, (_, index) => index);
const paramOf = ({ edit }, index) => (index === edited && edit !== undefined ? edit : `p${index}`);
const params = (state) => indices(state.size).map((index) => paramOf(state, index));

/** Arguments of `sh -c`. The fan-in starts no program, so a task is one process in every tool. */
const up = (target, comment) => `echo line > ${target}; echo up >> ran.log # ${comment}`;
const part = (source, param, target) =>
  `read x < ${source}; echo "$x ${param}" > ${target}; echo part >> ran.log`;
const all = (sources, target) =>
  `for f in ${sources}; do read x < $f; echo "$x"; done > ${target}; echo all >> ran.log`;

/** The two factors closest to each other: 1,000 is 25 × 40. */
const sides = (size) => {
  let side = Math.floor(Math.sqrt(size));
  while (size % side !== 0) side -= 1;
  return [side, size / side];
};

const experiment = (axes, fields, { comment, edit }) => `name: bench
axes:
${axes.map(([name, values]) => `  ${name}: [${values.join(", ")}]`).join("\n")}
stages:
  up: { use: command, with: { run: [sh, -c, '${up("{out}/up", comment)}'] } }
  part: { use: command, from: { up: up }, with: { run: [sh, -c, '${part("{in.up}/up", fields, "{out}/part")}'] } }
  all: { use: command, from: { parts: { all: part } }, with: { run: [sh, -c, '${all("{in.parts}/*/part", "{out}/all")}${edit === undefined ? "" : ` # ${edit}`}'] } }
`;

const pipe = (name, write) => ({
  name,
  write: (directory, state) => put(directory, "bench.yaml", write(state)),
  command: ({ jobs, pipe: executable }) => [executable, "run", "bench.yaml", "-j", String(jobs)],
  program: ({ pipe: executable }) => executable,
  install: "npm install",
});

/** One axis with N values; the edit changes one of them, so two nodes are due. */
const pipeList = pipe("pipe, one axis", (state) =>
  experiment([["i", params(state)]], "${i}", { comment: state.comment }),
);

/** Two axes. No value belongs to one node alone, so the edit changes the fan-in, and one node is due. */
export const pipeGrid = pipe("pipe, two axes", (state) => {
  const [rows, columns] = sides(state.size);
  const axes = [
    ["i", indices(rows)],
    ["j", indices(columns)],
  ];
  return experiment(axes, "${i} ${j}", state);
});

const make = {
  name: "make",
  // Make does not track commands: params and the comment are files, compared by time.
  write: (directory, { comment, ...state }) => {
    put(directory, "up.source", `# ${comment}\n`);
    for (const index of indices(state.size))
      put(directory, `params/${index}`, `${paramOf(state, index)}\n`);
    fs.mkdirSync(path.join(directory, "part"), { recursive: true });
    const shell = (text) => text.replaceAll("$", "$$$$");
    const targets = indices(state.size).map((index) => `part/${index}`);
    const rules = targets.map((target, index) => {
      const recipe = part("up", "$p", target);
      return `${target}: up params/${index}\n\t@read p < params/${index}; ${shell(recipe)}`;
    });
    put(
      directory,
      "Makefile",
      `all: ${targets.join(" ")}\n\t@${shell(all("part/*", "all"))}\nup: up.source\n\t@${shell(up("up", "made"))}\n${rules.join("\n")}\n`,
    );
  },
  command: ({ jobs }) => ["make", "-s", `-j${jobs}`, "all"],
  program: () => "make",
  install: "apt install make",
};

const ninja = {
  name: "ninja",
  write: (directory, { comment, ...state }) => {
    fs.mkdirSync(path.join(directory, "part"), { recursive: true });
    const shell = (text) => text.replaceAll("$", "$$$$");
    const targets = indices(state.size).map((index) => `part/${index}`);
    const edges = targets.map(
      (target, index) =>
        `build ${target}: sh up\n  line = ${shell(part("up", paramOf(state, index), target))}`,
    );
    // Ninja compares times, so the task itself leaves an equal file alone.
    const leaveEqual = `read x < up; [ "$x" = line ] || echo line > up; echo up >> ran.log # ${comment}`;
    put(
      directory,
      "build.ninja",
      `rule sh\n  command = $line\n  restat = 1\nbuild up: sh\n  line = ${shell(leaveEqual)}\n${edges.join("\n")}\nbuild all: sh ${targets.join(" ")}\n  line = ${shell(all("part/*", "all"))}\n`,
    );
  },
  command: ({ jobs }) => ["ninja", "--quiet", `-j${jobs}`, "all"],
  program: () => "ninja",
  install: "apt install ninja-build",
};

/** The state of a Python tool is a module `state.py`; its other files never change. */
const putState = (directory, state, file, text) => {
  put(directory, file, text);
  put(
    directory,
    "state.py",
    `COMMENT = ${JSON.stringify(state.comment)}\nPARAMS = ${JSON.stringify(params(state))}\n`,
  );
};

const pythonTasks = `
def up():
    return f${JSON.stringify(up("up", "{COMMENT}"))}
def part(i):
    return f${JSON.stringify(part("up", "{PARAMS[i]}", "part/{i}"))}
ALL = ${JSON.stringify(all("part/*", "all"))}
`;

const doit = {
  name: "doit",
  write: (directory, state) => {
    fs.mkdirSync(path.join(directory, "part"), { recursive: true });
    putState(
      directory,
      state,
      "dodo.py",
      `from doit.tools import config_changed
from state import COMMENT, PARAMS
DOIT_CONFIG = {"default_tasks": ["all"], "verbosity": 0}
${pythonTasks}
def task_up():
    return {"actions": [up()], "targets": ["up"], "uptodate": [config_changed(COMMENT)]}
def task_part():
    for i, param in enumerate(PARAMS):
        yield {"name": str(i), "actions": [part(i)], "file_dep": ["up"], "targets": [f"part/{i}"], "uptodate": [config_changed(param)]}
def task_all():
    return {"actions": [ALL], "file_dep": [f"part/{i}" for i in range(len(PARAMS))], "targets": ["all"]}
`,
    );
  },
  command: ({ jobs }) => ["doit", "-n", String(jobs)],
  program: () => "doit",
  install: "pip install doit",
};

const snakemake = {
  name: "snakemake",
  write: (directory, state) =>
    putState(
      directory,
      state,
      "Snakefile",
      `import sys
sys.path.insert(0, ".")
from state import COMMENT, PARAMS
rule all:
    input: "all"
rule up:
    output: "up"
    params: comment=COMMENT
    shell: ${JSON.stringify(up("{output}", "{params.comment}"))}
rule part:
    input: "up"
    output: "part/{i}"
    params: value=lambda wildcards: PARAMS[int(wildcards.i)]
    shell: ${JSON.stringify(part("{input}", "{params.value}", "{output}"))}
rule fan_in:
    input: expand("part/{i}", i=range(len(PARAMS)))
    output: "all"
    shell: ${JSON.stringify(all("part/*", "{output}"))}
`,
    ),
  command: ({ jobs }) => ["snakemake", "--cores", String(jobs), "--quiet", "all"],
  program: () => "snakemake",
  install: "pip install snakemake",
};

const redun = {
  name: "redun",
  write: (directory, state) => {
    fs.mkdirSync(path.join(directory, "part"), { recursive: true });
    putState(
      directory,
      state,
      "workflow.py",
      `import subprocess
from redun import task
from redun.file import ContentFile
from state import COMMENT, PARAMS
redun_namespace = "bench"
${pythonTasks}
def sh(text):
    subprocess.run(["sh", "-c", text], check=True)
@task()
def make_up(comment):
    sh(up())
    return ContentFile("up")
@task()
def make_part(source, i, param):
    sh(part(i))
    return ContentFile(f"part/{i}")
@task()
def make_all(parts):
    sh(ALL)
    return ContentFile("all")
@task()
def main(comment=COMMENT, params=PARAMS):
    source = make_up(comment)
    return make_all([make_part(source, i, param) for i, param in enumerate(params)])
`,
    );
    put(
      directory,
      ".redun/redun.ini",
      "[backend]\ndb_uri = sqlite:///redun.db\n[executors.default]\ntype = local\nmax_workers = 2\n",
    );
  },
  command: () => ["redun", "run", "workflow.py", "main"],
  program: () => "redun",
  install: "pip install redun",
};

/**
 * A step's identity is its class, its version and its arguments, so a command is an argument. The default executor runs one step after
 * another in one process; the one with workers starts a Python for each step.
 */
const tango = {
  name: "tango",
  write: (directory, state) => {
    fs.mkdirSync(path.join(directory, "part"), { recursive: true });
    put(
      directory,
      "steps.py",
      `import subprocess
from pathlib import Path
from tango import Step
from tango.format import TextFormat
def sh(text, target):
    subprocess.run(["sh", "-c", text], check=True)
    return Path(target).read_text()
@Step.register("bench::up")
class Up(Step):
    FORMAT = TextFormat()
    def run(self, command: str) -> str:
        return sh(command, "up")
@Step.register("bench::part")
class Part(Step):
    FORMAT = TextFormat()
    def run(self, source: str, command: str, target: str) -> str:
        return sh(command, target)
@Step.register("bench::all")
class All(Step):
    FORMAT = TextFormat()
    def run(self, parts: list, command: str) -> str:
        return sh(command, "all")
`,
    );
    const ref = (name) => ({ type: "ref", ref: name });
    const names = indices(state.size).map((index) => `part${index}`);
    const parts = names.map((name, index) => {
      const target = `part/${index}`;
      const command = part("up", paramOf(state, index), target);
      return [name, { type: "bench::part", source: ref("up"), target, command }];
    });
    const steps = {
      up: { type: "bench::up", command: up("up", state.comment) },
      ...Object.fromEntries(parts),
      all: { type: "bench::all", parts: names.map(ref), command: all("part/*", "all") },
    };
    put(directory, "bench.json", JSON.stringify({ steps }));
  },
  environment: { TANGO_CONSOLE_WIDTH: "200" },
  command: () => [
    "tango",
    "--log-level",
    "error",
    "run",
    "bench.json",
    "-i",
    "steps",
    "-w",
    "workspace",
  ],
  program: () => "tango",
  install: "pip install ai2-tango",
};

const dvc = {
  name: "dvc",
  prepare: ["dvc", "init", "--no-scm", "--quiet"],
  write: (directory, state) => {
    fs.mkdirSync(path.join(directory, "part"), { recursive: true });
    const quoted = (text) => JSON.stringify(text);
    const stage = (name, text, deps, out) =>
      `  ${name}:\n    cmd: ${quoted(text)}\n${deps.length === 0 ? "" : `    deps: [${deps.join(", ")}]\n`}    outs: [${out}]\n`;
    const parts = indices(state.size).map((index) =>
      stage(
        `part${index}`,
        part("up", paramOf(state, index), `part/${index}`),
        ["up"],
        `part/${index}`,
      ),
    );
    const targets = indices(state.size).map((index) => `part/${index}`);
    put(
      directory,
      "dvc.yaml",
      `stages:\n${stage("up", up("up", state.comment), [], "up")}${parts.join("")}${stage("all", all("part/*", "all"), targets, "all")}`,
    );
  },
  command: () => ["dvc", "repro", "--quiet"],
  program: () => "dvc",
  install: "pip install dvc",
};

/** One package for each task; `npm` is a shim without npm's 0.4 s CPU of start-up. */
const turbo = {
  name: "turbo (no npm)",
  write: (directory, state) => {
    const member = (name, dependencies, script) => {
      const manifest = {
        name,
        version: "1.0.0",
        scripts: { build: "sh task.sh" },
        dependencies: Object.fromEntries(dependencies.map((other) => [other, "*"])),
      };
      put(directory, `packages/${name}/package.json`, JSON.stringify(manifest));
      // The log is two levels up; a package writes into its own `out`.
      put(
        directory,
        `packages/${name}/task.sh`,
        `mkdir -p out; ${script.replaceAll("ran.log", "../../ran.log")}\n`,
      );
    };
    const names = indices(state.size).map((index) => `part${index}`);
    member("up", [], up("out/up", state.comment));
    names.forEach((name, index) =>
      member(name, ["up"], part("../up/out/up", paramOf(state, index), "out/part")),
    );
    member("all", names, all("../part*/out/part", "out/all"));
    const manifest = {
      name: "bench",
      private: true,
      packageManager: "npm@10.0.0",
      workspaces: ["packages/*"],
    };
    put(directory, "package.json", JSON.stringify(manifest));
    const inputs = ["task.sh", { mode: "dependencyOutputs", globs: ["out/**"], from: ["^build"] }];
    put(
      directory,
      "turbo.json",
      JSON.stringify({ tasks: { build: { dependsOn: ["^build"], outputs: ["out/**"], inputs } } }),
    );
    put(directory, "shim/npm", "#!/bin/sh\nexec sh task.sh\n");
    fs.chmodSync(path.join(directory, "shim/npm"), 0o755);
  },
  path: (directory) => path.join(directory, "shim"),
  environment: { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
  command: ({ jobs }) => [
    "turbo",
    "run",
    "build",
    `--concurrency=${jobs}`,
    "--output-logs=none",
    "--no-daemon",
  ],
  program: () => "turbo",
  install: "npm install turbo",
};

const wireit = {
  name: "wireit",
  write: (directory, state) => {
    fs.mkdirSync(path.join(directory, "part"), { recursive: true });
    const names = indices(state.size).map((index) => `part${index}`);
    const after = (script) => ({ script, cascade: false });
    const scripts = {
      up: { command: up("up", state.comment), files: [], output: ["up"] },
      ...Object.fromEntries(
        names.map((name, index) => [
          name,
          {
            command: part("up", paramOf(state, index), `part/${index}`),
            dependencies: [after("up")],
            files: ["up"],
            output: [`part/${index}`],
          },
        ]),
      ),
      all: {
        command: all("part/*", "all"),
        dependencies: names.map(after),
        files: ["part/*"],
        output: ["all"],
      },
    };
    const manifest = {
      name: "bench",
      version: "1.0.0",
      scripts: Object.fromEntries(Object.keys(scripts).map((name) => [name, "wireit"])),
      wireit: scripts,
    };
    put(directory, "package.json", JSON.stringify(manifest));
    put(directory, "package-lock.json", "{}");
  },
  environment: { WIREIT_LOGGER: "quiet-ci" },
  command: ({ jobs, node }) => ["env", `WIREIT_PARALLEL=${jobs}`, node, "--run", "all"],
  program: () => "wireit",
  install: "npm install wireit",
};

export const tools = [
  pipeList,
  pipeGrid,
  make,
  ninja,
  doit,
  turbo,
  wireit,
  snakemake,
  redun,
  tango,
  dvc,
];
