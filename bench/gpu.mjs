/**
 * Trainings that share a GPU: 22 models of one sweep at 1, 2, 4 and 8 at a time, with and without CUDA's Multi-Process Service, and where
 * a job's seconds go. Run it by name on a machine with a GPU that nothing else uses; on others it says so and ends.
 *
 *   PIPE_PYTHON=python3 npm run bench -- gpu [--minutes 7.5] [--models 22] [--steps 600] [--at-once 8,1,4,2] [--out gpu-bench.jsonl] [--tiny]
 *
 * Every setting gets an equal part of the minutes that are left and is stopped when it is over; the seconds for all models are then those
 * that its finished models and its steps suggest, and marked ~. Each result is a line of `--out` as soon as it is there. `--tiny` is
 * a trial of the script itself on a CPU.
 */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { buildIfStale, machine, median, printTable, setUp } from "./engine/measure.mjs";

const { flags, bench, pipe } = setUp({
  minutes: "7.5",
  models: "22",
  steps: "600",
  "at-once": "8,1,4,2",
  out: "gpu-bench.jsonl",
  tiny: false,
});
const { tiny } = flags;
const models = tiny ? 2 : Number(flags.models);
const steps = tiny ? 20 : Number(flags.steps);
const updates = tiny ? 3 : 20;
const atOnce = tiny ? [2, 1] : flags["at-once"].split(",").map(Number);
const deadline = Date.now() + Number(flags.minutes) * 60_000;

if (!tiny && spawnSync("nvidia-smi", ["-L"]).status !== 0) {
  console.log("skipped: nvidia-smi finds no GPU here (`--tiny` tries the script on a CPU)");
  process.exit(0);
}
buildIfStale(pipe);

const write = (line) => fs.appendFileSync(flags.out, `${JSON.stringify(line)}\n`);
const gpus = (share) => (tiny ? "" : `resources: { gpus: ${share} }`);

/** The sweep; `name` is in every seed, so that each setting makes models of its own. */
const experiment = `
name: sweep
axes:
  loss: [{ label: token, kind: token }, { label: NGDiff, kind: ngdiff }]
  seed: [0]
stages:
  data:
    use: render
    with:
      task: { kind: sudoku, size: 4, blanks: [5, 8], elimination: true, visits: 11 }
      image: { size: 64, color: false, jitter: 0.1, noise: 0.5 }
      splits: { train_sft: ${tiny ? 200 : 12_000}, train_rl: ${tiny ? 20 : 2000} }
      seed: 7
  cot: { use: distill, from: { data: data } }
  model:
    use: sft
    from: { data: cot }
    ${gpus(0.125)}
    with:
      model: { kind: micro, size: ${tiny ? "nano" : "micro"} }
      loss: $loss
      steps: ${steps}
      batch: ${tiny ? 8 : 128}
      learning_rate: 0.001
      warmup: 40
      schedule: cosine
      seed: $seed
  policy:
    use: grpo
    from: { model: model, data: data }
    ${gpus(0.125)}
    with: { steps: ${updates}, group: ${tiny ? 4 : 16}, prompts_per_step: ${tiny ? 4 : 128}, max_tokens: 210, batch: 512, learning_rate: 0.0001 }
`;
fs.writeFileSync(path.join(bench, "sweep.yaml"), experiment);
const home = path.join(bench, "home");
let runs = 0;

/** Runs a part of the sweep until it ends or its time is over; the seconds it took, its events and the run's finished actions. */
const sweep = (only, axes, jobs, { until = deadline, environment = {} } = {}) =>
  new Promise((resolve) => {
    runs += 1;
    const began = Date.now();
    const options = Object.entries(axes).flatMap(([name, values]) => [
      "--axis",
      `${name}=${values}`,
    ]);
    const command = [
      "run",
      "sweep.yaml",
      "--only",
      only,
      ...options,
      "-j",
      String(jobs),
      "-k",
      "--json",
    ];
    const child = spawn(pipe, command, {
      cwd: bench,
      env: { ...process.env, ...environment, PIPE_HOME: home },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
    });
    const timer = setTimeout(() => child.kill("SIGINT"), Math.max(0, until - began));
    child.on("close", () => {
      clearTimeout(timer);
      const events = text
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
      resolve({ seconds: (Date.now() - began) / 1000, stopped: Date.now() >= until, events });
    });
  });

/** Costs of the actions since a moment, by stage. */
const costsSince = (moment, stage) =>
  fs
    .readdirSync(path.join(home, "actions"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8"))
    .map((text) => JSON.parse(text).record.action)
    .filter((action) => action.stage === stage && Date.parse(action.finishedAt) >= moment)
    .map(({ node, cost }) => ({ node, ...cost }));

const medians = (costs) => {
  const names = [...new Set(costs.flatMap(({ phases = {} }) => Object.keys(phases)))];
  return Object.fromEntries(
    names.map((name) => [name, median(costs.map(({ phases }) => phases?.[name] ?? 0))]),
  );
};

/** A daemon of Multi-Process Service of our own, or undefined where there is none. */
const startMps = () => {
  const directory = path.join(bench, "mps");
  fs.mkdirSync(directory);
  const environment = { CUDA_MPS_PIPE_DIRECTORY: directory, CUDA_MPS_LOG_DIRECTORY: directory };
  const control = (options, input) =>
    spawnSync("nvidia-cuda-mps-control", options, {
      env: { ...process.env, ...environment },
      input,
      encoding: "utf8",
      timeout: 30_000,
    });
  if (control(["-d"]).status !== 0) return undefined;
  process.on("exit", () => control([], "quit\n"));
  return environment;
};

console.log(machine(bench));
await sweep("cot", {}, 2);
const rows = [];
/** Imports in advance and the GPU's libraries are read from the disk once, and not by the first setting. */
await sweep("model[loss=token,seed=0]", {}, 1);

const settings = [];
for (const jobs of atOnce) settings.push({ jobs, mps: false });
const mps = tiny ? undefined : startMps();
if (mps === undefined)
  console.log("no Multi-Process Service here: nvidia-cuda-mps-control does not start");
else for (const jobs of atOnce.filter((count) => count > 1)) settings.push({ jobs, mps: true });

let seed = 1;
for (const [index, { jobs, mps: withMps }] of settings.entries()) {
  const began = Date.now();
  const left = settings.length - index + 1; // one part for reinforcement learning
  const until = Math.min(deadline, began + (deadline - began) / left);
  const seeds = Array.from({ length: Math.ceil(models / 2) }, () => (seed += 1));
  const environment = withMps ? mps : {};
  const { seconds, stopped } = await sweep("model", { seed: seeds.join(",") }, jobs, {
    until,
    environment,
  });
  const costs = costsSince(began, "sft");
  const phases = medians(costs);
  const all = stopped ? (seconds * models) / Math.max(1, costs.length) : seconds;
  const result = {
    jobs,
    mps: withMps,
    finished: costs.length,
    models,
    stopped,
    seconds,
    all,
    phases,
  };
  const stepMs = (kind) => {
    const chosen = costs.filter(
      ({ node, phases: found }) => node.includes(kind) && found?.steps > 0,
    );
    return chosen.length === 0
      ? "–"
      : median(chosen.map((cost) => (1000 * cost.phases.steps) / (steps - 4))).toFixed(1);
  };
  write(result);
  rows.push({ ...result, token: stepMs("token"), ngdiff: stepMs("NGDiff") });
}

const reference = rows.find(({ jobs }) => jobs === 1)?.all ?? rows[0].all;
console.log(`\n${models} models of ${steps} steps; seconds of a job's phases are medians`);
const phaseNames = [...new Set(rows.flatMap(({ phases }) => Object.keys(phases)))];
printTable(
  ["at a time", "finished", "s for all", "ratio", "token ms", "NGDiff ms", ...phaseNames],
  rows.map(({ jobs, mps: withMps, finished, stopped, all, token, ngdiff, phases }) => [
    `${jobs}${withMps ? " MPS" : ""}`,
    `${finished}`,
    `${stopped ? "~" : ""}${all.toFixed(0)}`,
    (all / reference).toFixed(2),
    token,
    ngdiff,
    ...phaseNames.map((name) => (phases[name] ?? 0).toFixed(1)),
  ]),
);

for (const jobs of tiny ? [1] : [1, 4]) {
  const began = Date.now();
  if (began > deadline) break;
  const { events } = await sweep(
    "policy",
    { loss: "token", seed: Array.from({ length: jobs }, () => (seed += 1)).join(",") },
    jobs,
  );
  const lines = events.filter(
    ({ _tag, node, values }) =>
      _tag === "NodeMetrics" && node.startsWith("policy") && values.seconds > 0,
  );
  const of = (name) => median(lines.map(({ values }) => values[name]));
  const result = { grpo: jobs, steps: lines.length, phases: medians(costsSince(began, "grpo")) };
  if (lines.length > 0) {
    const step = of("seconds");
    Object.assign(result, {
      step,
      sampling: of("sampling_share"),
      scorer: of("scorer_share"),
      rate: of("rollouts_per_second"),
    });
    console.log(
      `\nGRPO, ${jobs} at a time: ${step.toFixed(2)} s a step (n = ${lines.length}), ${(100 * result.sampling).toFixed(0)} % of it sampling, ${(100 * result.scorer).toFixed(0)} % waiting for the scorer; ${result.rate.toFixed(0)} rollouts/s`,
    );
  }
  write(result);
}
