/**
 * Trainings by `pipe`'s trainers beside TRL's SFTTrainer and GRPOTrainer and an eager Hugging Face loop: the same micro model with the
 * same weights at the start, the same data and packages, one after the other in every round. Each is a process of its own.
 *
 *   npm run bench -- training [--rounds 3] [--size nano] [--batch 32] [--steps 60] [--start 300] [--updates 10] [--group 8] [--prompts 8] [--threads 2] [--minutes 60]
 *
 * `bench/training/sft.py` and `grpo.py` say which settings TRL gets; on a GPU it has a second row with what it compiles. Rates leave out
 * the first steps; the other seconds count from the start of the process. The reference in a row's ratio is the row `pipe`.
 *
 * `PIPE_PYTHON` names another Python that has TRL and the trainers' packages. Each result goes to standard error as soon as it is there.
 * Every training gets an equal part of the minutes that are left: TRL and the eager loop end after the step in which it is over, if they
 * have made four reports.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { buildIfStale, machine, median, printTable, setUp, spread } from "./engine/measure.mjs";
import { nameOfGpu, trainingPython } from "./peers.mjs";

const { flags, bench, rounds, pipe } = setUp({
  rounds: "3",
  size: "nano",
  batch: "32",
  steps: "60",
  start: "300",
  updates: "10",
  group: "8",
  prompts: "8",
  threads: "2",
  minutes: "60",
});
const began = Date.now();
const root = path.resolve(import.meta.dirname, "..");
const number = (name) => Number(flags[name]);
const { python, versions } = trainingPython();
buildIfStale(pipe);

const run = (command, environment = {}, timeout = undefined) => {
  const { status, signal, stdout, stderr } = spawnSync(command[0], command.slice(1), {
    cwd: bench,
    env: { ...process.env, ...environment },
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout,
    killSignal: "SIGKILL",
  });
  if (status !== 0)
    throw new Error(
      `${command.join(" ")} ended with ${status ?? signal}\n${`${stdout}\n${stderr}`.slice(-3000)}`,
    );
  return stdout;
};

/** The data. */
fs.writeFileSync(
  path.join(bench, "e.yaml"),
  `name: e
stages:
  data:
    use: render
    with:
      task: { kind: sudoku, size: 4, blanks: [4, 5], elimination: true, visits: 6 }
      image: { size: 64, color: false, jitter: 0.08, noise: 0.15 }
      splits: { train_sft: 2000, train_rl: 500 }
      seed: 7
  cot: { use: distill, from: { data: data } }
`,
);
const home = { PIPE_HOME: path.join(bench, "home") };
run([pipe, "run", "e.yaml"], { ...home, PIPE_PYTHON: python });
const artifact = (name) =>
  fs.realpathSync(path.join(home.PIPE_HOME, "runs", "e-1", "artifacts", name));

const environment = {
  PYTHONPATH: root,
  OMP_NUM_THREADS: flags.threads,
  MKL_NUM_THREADS: flags.threads,
  OMP_WAIT_POLICY: "PASSIVE",
  HF_HUB_OFFLINE: "1",
  TRL_EXPERIMENTAL_SILENCE: "1",
};
const script = (name) => path.join(import.meta.dirname, "training", `${name}.py`);
/** A training is killed when its part of the minutes and these seconds, for its least number of reports, are over. */
const grace = 60;
/** With less than these seconds a training that compiles is left out. */
const least = 10;
const resultOf = (command, seconds) => {
  const lines = run(command, environment, (seconds + grace) * 1000)
    .trim()
    .split("\n");
  return JSON.parse(lines.findLast((line) => line.startsWith("{")));
};

/** The params of a stage at their defaults, as the schema has them, without those of other makers' trainers. */
const defaultsOf = (stage) => {
  const file = path.join(root, "schemas", "experiment.schema.json");
  const [stageSchema] = Object.values(
    JSON.parse(fs.readFileSync(file, "utf8")).properties.stages.patternProperties,
  );
  const { then } = stageSchema.allOf.find((rule) => rule.if?.properties.use.const === stage);
  const params = Object.entries(then.properties.with.properties);
  const others = ["trainer", "llamafactory", "verl"];
  return Object.fromEntries(
    params.filter(([name]) => !others.includes(name)).map(([name, param]) => [name, param.default]),
  );
};

let runs = 0;
const newDirectory = () => {
  const directory = path.join(bench, String((runs += 1)));
  fs.mkdirSync(path.join(directory, "output"), { recursive: true });
  fs.mkdirSync(path.join(directory, "checkpoints"));
  return directory;
};

const ours = (kind, params, inputs, seconds) => {
  const directory = newDirectory();
  const job = {
    protocol: 1,
    stage: kind,
    attempt: "bench",
    params: { ...defaultsOf(kind), ...params },
    inputs,
    output: path.join(directory, "output"),
    checkpoints: path.join(directory, "checkpoints"),
    scorer: [pipe, "score"],
  };
  fs.writeFileSync(path.join(directory, "job.json"), JSON.stringify(job));
  fs.writeFileSync(path.join(directory, "threads.json"), flags.threads);
  return { ...resultOf([python, script("ours"), kind, directory], seconds), output: job.output };
};

const theirs = (command, settings, seconds) => {
  const directory = newDirectory();
  const file = path.join(directory, "settings.json");
  const output = path.join(directory, "output");
  fs.writeFileSync(file, JSON.stringify({ ...settings, seconds, least_reports: 4, output }));
  return resultOf([python, ...command, file], seconds);
};

/** The model that reinforcement learning starts from. `pipe run` would hide a GPU from it, or wait until it has one to itself. */
const start = ours(
  "sft",
  {
    model: { kind: "micro", family: "qwen3-vl", size: flags.size, init: 0.06 },
    steps: number("start"),
  },
  { data: artifact("cot") },
  Number(flags.minutes) * 60,
);
console.error(`start: ${start.steps} steps in ${start.seconds.toFixed(1)} s`);

const sft = {
  steps: number("steps"),
  batch: number("batch"),
  learning_rate: 0.003,
  warmup: 20,
};
const rl = { steps: number("updates"), group: number("group"), learning_rate: 0.0003 };
const maxTokens = 120;
const common = { size: flags.size, seed: 0, threads: number("threads") };

const sftSettings = { ...common, ...sft, data: artifact("cot") };
const rlSettings = {
  ...common,
  ...rl,
  data: artifact("data"),
  model: start.output,
  prompts: number("prompts"),
  max_tokens: maxTokens,
};
const oursSft = (seconds) =>
  ours(
    "sft",
    {
      ...sft,
      model: { kind: "micro", family: "qwen3-vl", size: flags.size, init: 0.02 },
      schedule: "constant",
      weight_decay: 0.01,
    },
    { data: artifact("cot") },
    seconds,
  );
const oursGrpo = (seconds) =>
  ours(
    "grpo",
    {
      ...rl,
      alpha: 1,
      prompts_per_step: number("prompts"),
      max_tokens: maxTokens,
      dual_clip: null,
      aggregate: "sequence-mean",
      warmup: 0,
      batch: number("group") * number("prompts"),
      record_every: 1000,
    },
    { data: artifact("data"), model: start.output },
    seconds,
  );
const sftBy = (kind) => (seconds) => theirs([script("sft"), kind], sftSettings, seconds);
const grpoBy = (kind) => (seconds) => theirs([script("grpo"), kind], rlSettings, seconds);

/** The comparisons: their rows by name, and the value of a curve that a training is to come to. */
const comparisons = [
  {
    title: `SFT, ${flags.size} model, ${flags.steps} steps of ${flags.batch} responses`,
    steps: number("steps"),
    rate: { name: "tokens/s", field: "tokens_per_s" },
    // the loss that the slowest to learn came to
    goal: {
      name: "loss",
      of: (curves) => Math.max(...curves.map((losses) => Math.min(...losses))),
      met: (value, goal) => value <= goal,
    },
    rows: {
      pipe: oursSft,
      "TRL SFTTrainer": sftBy("trl"),
      "eager Hugging Face": sftBy("eager"),
    },
    onGpu: { "TRL SFTTrainer, compiled": sftBy("trl-compiled") },
  },
  {
    title: `GRPO, ${flags.size} model, ${flags.updates} steps of ${flags.prompts} × ${flags.group} rollouts of at most ${maxTokens} tokens`,
    steps: number("updates"),
    rate: { name: "rollouts/s", field: "rollouts_per_s" },
    goal: {
      name: "reward",
      of: (curves) => Math.min(...curves.map((rewards) => Math.max(...rewards))),
      met: (value, goal) => value >= goal,
    },
    rows: { pipe: oursGrpo, "TRL GRPOTrainer": grpoBy("trl") },
    onGpu: { "TRL GRPOTrainer, compiled decoding": grpoBy("trl-compiled") },
  },
];

const gpu = nameOfGpu(python);
/** Every training once a round; compiling takes long, so what compiles comes last. */
const entries = (field, isOptional) =>
  comparisons.flatMap(({ rate, [field]: rows }) =>
    Object.entries(rows).map(([name, once]) => ({ name, once, rate, isOptional, results: [] })),
  );
const trainings = [...entries("rows", false), ...(gpu === undefined ? [] : entries("onGpu", true))];

const measureAll = () => {
  const turns = Array.from({ length: rounds }, () => trainings).flat();
  const until = began + Number(flags.minutes) * 60_000;
  turns.forEach(({ name, once, rate, isOptional, results }, turn) => {
    const part = (until - Date.now()) / 1000 / (turns.length - turn);
    const seconds = Math.max(1, Math.round(part));
    if (isOptional && part < least) {
      console.error(`${name}: no time left`);
      return;
    }
    try {
      const result = once(seconds);
      results.push(result);
      console.error(
        `${name}: ${result[rate.field].toFixed(0)} ${rate.name}, ${result.steps} steps in ${result.seconds.toFixed(1)} s, ${result.peak_mb} MB`,
      );
    } catch (error) {
      process.exitCode = 1;
      console.error(`${name} failed after at most ${seconds + grace} s: ${error.message}`);
    }
  });
};

const printComparison = ({ title, steps, rate, goal, rows, onGpu }) => {
  const names = [...Object.keys(rows), ...Object.keys(onGpu)];
  const done = trainings.filter(
    (training) =>
      training.rate === rate && names.includes(training.name) && training.results.length > 0,
  );
  const rates = (results) => results.map((result) => result[rate.field]);
  const reference = median(rates(done.find(({ name }) => name === "pipe")?.results ?? []));
  const whole = done.flatMap(({ results }) => results).filter((result) => result.steps === steps);
  const curves = whole.map(({ curve }) => curve.map(([, value]) => value));
  const reached = whole.length === 0 ? undefined : goal.of(curves);
  const secondsTo = ({ curve }) =>
    reached === undefined ? undefined : curve.find(([, value]) => goal.met(value, reached))?.[0];
  console.log(`\n${title}, n = ${rounds} [min–max]`);
  printTable(
    [
      "",
      "steps",
      rate.name,
      "ratio",
      `s to ${goal.name} ${reached === undefined ? "–" : reached.toFixed(2)}`,
      "s in all",
      gpu === undefined ? "peak MB" : "GPU MB",
    ],
    done.map(({ name, results }) => [
      name,
      String(median(results.map((result) => result.steps))),
      spread(rates(results), 0),
      (median(rates(results)) / reference).toFixed(2),
      results.every((result) => secondsTo(result) !== undefined)
        ? spread(results.map(secondsTo), 1)
        : "–",
      spread(
        results.map(({ seconds }) => seconds),
        1,
      ),
      String(median(results.map(({ peak_mb: peak }) => peak))),
    ]),
  );
};

console.log(machine(bench));
console.log(`${versions}; ${gpu ?? "no GPU"}; ${flags.threads} threads`);
measureAll();
for (const comparison of comparisons) printComparison(comparison);
