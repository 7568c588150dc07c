/**
 * Trainings by `pipe`'s trainers beside TRL's SFTTrainer and GRPOTrainer and an eager Hugging Face loop: the same micro model with the
 * same weights at the start, the same data and packages, one after the other in every round. Each is a process of its own.
 *
 *   npm run bench -- training [--rounds 3] [--size nano] [--batch 32] [--steps 60] [--start 300] [--updates 10] [--group 8] [--prompts 8] [--threads 2]
 *
 * `bench/training/sft.py` and `grpo.py` say which settings TRL gets. Rates leave out the first steps; the other seconds count from the
 * start of the process. The reference in a row's ratio is the row `pipe`.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { buildIfStale, machine, median, printTable, setUp, spread } from "./engine/measure.mjs";
import { trainingPython } from "./peers.mjs";

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
});
const root = path.resolve(import.meta.dirname, "..");
const number = (name) => Number(flags[name]);
const { python, versions } = trainingPython();
buildIfStale(pipe);

const run = (command, environment = {}) => {
  const { status, stdout, stderr } = spawnSync(command[0], command.slice(1), {
    cwd: bench,
    env: { ...process.env, ...environment },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0)
    throw new Error(`${command.join(" ")} ended with ${status}\n${stderr.slice(-3000)}`);
  return stdout;
};

/** The data, and the model that reinforcement learning starts from. */
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
  start:
    use: sft
    from: { data: cot }
    with: { model: { kind: micro, size: ${flags.size}, init: 0.06 }, loss: { kind: token }, steps: ${flags.start}, batch: 32, learning_rate: 0.003 }
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
const resultOf = (command) => {
  const lines = run(command, environment).trim().split("\n");
  return JSON.parse(lines.findLast((line) => line.startsWith("{")));
};

let runs = 0;
const newDirectory = () => {
  const directory = path.join(bench, String((runs += 1)));
  fs.mkdirSync(path.join(directory, "output"), { recursive: true });
  fs.mkdirSync(path.join(directory, "checkpoints"));
  return directory;
};

const ours = (kind, params, inputs) => {
  const directory = newDirectory();
  const job = {
    protocol: 1,
    stage: kind,
    attempt: "bench",
    params,
    inputs,
    output: path.join(directory, "output"),
    checkpoints: path.join(directory, "checkpoints"),
    scorer: [pipe, "score"],
  };
  fs.writeFileSync(path.join(directory, "job.json"), JSON.stringify(job));
  fs.writeFileSync(path.join(directory, "threads.json"), flags.threads);
  return resultOf([python, script("ours"), kind, directory]);
};

const theirs = (command, settings) => {
  const directory = newDirectory();
  const file = path.join(directory, "settings.json");
  fs.writeFileSync(file, JSON.stringify({ ...settings, output: path.join(directory, "output") }));
  return resultOf([python, ...command, file]);
};

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
  model: artifact("start"),
  prompts: number("prompts"),
  max_tokens: maxTokens,
};
const oursSft = () =>
  ours(
    "sft",
    {
      ...sft,
      model: { kind: "micro", size: flags.size, init: 0.02 },
      loss: { kind: "token" },
      accumulate: 1,
      schedule: "constant",
      weight_decay: 0.01,
      grad_clip: 1,
      gradients: false,
      seed: 0,
    },
    { data: artifact("cot") },
  );
const oursGrpo = () =>
  ours(
    "grpo",
    {
      ...rl,
      split: "train_rl",
      prompts: "split",
      alpha: 1,
      alpha_end: null,
      perception: "oracle",
      captioner: null,
      solver: null,
      prompts_per_step: number("prompts"),
      minibatches: 1,
      epochs: 1,
      temperature: 1,
      max_tokens: maxTokens,
      normalize: "group-std",
      std: "unbiased",
      per_reward: false,
      credit: "response",
      dynamic_sampling: { kind: "none" },
      clip_low: 0.2,
      clip_high: 0.2,
      dual_clip: null,
      ratio: "token",
      aggregate: "sequence-mean",
      caption_weight: 1,
      kl: { kind: "none" },
      warmup: 0,
      schedule: "constant",
      weight_decay: 0,
      grad_clip: 1,
      batch: number("group") * number("prompts"),
      record_every: 1000,
      seed: 0,
    },
    { data: artifact("data"), model: artifact("start") },
  );

const compare = (title, rate, goal, contestants) => {
  const results = new Map(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const [name, once] of Object.entries(contestants)) results.get(name).push(once());
  const reference = median(results.get("pipe").map((result) => result[rate.field]));
  const every = [...results.values()].flat();
  const reached = goal.of(every.map(({ curve }) => curve.map(([, value]) => value)));
  console.log(`\n${title}, n = ${rounds} [min–max]`);
  printTable(
    ["", rate.name, "ratio", `s to ${goal.name} ${reached.toFixed(2)}`, "s in all", "peak MB"],
    [...results].map(([name, all]) => [
      name,
      spread(
        all.map((result) => result[rate.field]),
        0,
      ),
      (median(all.map((result) => result[rate.field])) / reference).toFixed(2),
      spread(
        all.map(({ curve }) => curve.find(([, value]) => goal.met(value, reached))[0]),
        1,
      ),
      spread(
        all.map(({ seconds }) => seconds),
        1,
      ),
      String(median(all.map(({ peak_mb: peak }) => peak))),
    ]),
  );
};

console.log(`${machine(bench)}\n${versions}; ${flags.threads} threads`);
compare(
  `SFT, ${flags.size} model, ${flags.steps} steps of ${flags.batch} responses`,
  { name: "tokens/s", field: "tokens_per_s" },
  // the loss that the slowest to learn came to
  {
    name: "loss",
    of: (curves) => Math.max(...curves.map((losses) => Math.min(...losses))),
    met: (value, goal) => value <= goal,
  },
  {
    pipe: oursSft,
    "TRL SFTTrainer": () => theirs([script("sft"), "trl"], sftSettings),
    "eager Hugging Face": () => theirs([script("sft"), "eager"], sftSettings),
  },
);
compare(
  `GRPO, ${flags.size} model, ${flags.updates} steps of ${flags.prompts} × ${flags.group} rollouts of at most ${maxTokens} tokens`,
  { name: "rollouts/s", field: "rollouts_per_s" },
  {
    name: "reward",
    of: (curves) => Math.min(...curves.map((rewards) => Math.max(...rewards))),
    met: (value, goal) => value >= goal,
  },
  { pipe: oursGrpo, "TRL GRPOTrainer": () => theirs([script("grpo")], rlSettings) },
);
