/** Runs one of our trainers (`python -m trainers.<name>`) as a job, by the job protocol of `schemas/Job.ts`. */
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { EnvironmentSpec } from "../executors/EnvironmentSpec.ts";
import { Executor, type JobEnd } from "../executors/Executor.ts";
import { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import { writeAtomically } from "../executors/writeAtomically.ts";
import { root } from "../schemas/root.ts";
import type { Json } from "../schemas/Digest.ts";
import { decodeJobResult, type JobFile, PROTOCOL } from "../schemas/Job.ts";
import { failedJob, jobEndText, runJob } from "./job.ts";
import { pipeEnvironment } from "./environments.ts";
import type { Resources, Stage, StageDefinition } from "./Stage.ts";
import {
  fanIn,
  singleInput,
  type StageContext,
  StageFailed,
  type StageInputs,
  type StageResult,
  type StageRun,
  stageRun,
} from "./StageRun.ts";

/** The scorer is this program. */
const scorer = (): ReadonlyArray<string> => [process.execPath, process.argv[1] ?? "", "score"];

/** Names of environment variables, such as keys, that are passed on to the trainer; no file holds their values. */
type Secrets<Params> = (params: Params) => ReadonlyArray<string>;

/** The trainer of a job, and what it gets as its params. */
interface TrainerJob {
  readonly trainer: string;
  readonly params: Json;
}

interface TrainerOptions<Params> {
  readonly secrets?: Secrets<Params>;
  /** Without it, the stage's first trainer gets all params, with all defaults. */
  readonly job?: (params: Params, resources: Resources) => TrainerJob;
}

/** The run of a stage that is a trainer's job. The trainer gets the directory of each input. */
export const trainerRun = <Params extends Json>(
  stage: StageDefinition<Params>,
  { secrets = () => [], job = ownJob(stage) }: TrainerOptions<Params> = {},
): StageRun => ({
  ...stageRun(stage, (context) =>
    runTrainer(stage, job(context.params, context.resources), context, secrets(context.params)),
  ),
  runsJobs: true,
  prepare: (resources, used) => importPackages(stage.name, resources, used),
});

const ownJob =
  ({ name, trainers: [trainer] = [name] }: Stage) =>
  (params: Json): TrainerJob => ({ trainer, params });

/** The packages of our own trainers, for jobs without secrets, if their Python is there. */
const importPackages = Effect.fnUntraced(function* (
  stageName: string,
  resources: Resources,
  used: EnvironmentSpec | undefined,
) {
  if (used !== pipeEnvironment) return;
  const python = yield* (yield* PythonEnvironment).existing(pipeEnvironment);
  if (python === undefined) return;
  const executor = yield* Executor;
  yield* executor.prepare({
    ...resources,
    stage: stageName,
    command: [python],
    preload,
    environment,
  });
});

const preload = path.join(root, "trainers", "preload.py");
const environment = {
  PYTHONPATH: root,
  HF_HUB_OFFLINE: "1",
  // The packages are installed without byte code: the first import of each writes it, which saves the others most of theirs.
  PYTHONDONTWRITEBYTECODE: "",
};

const runTrainer = Effect.fnUntraced(function* (
  {
    name: stageName,
    scorer: needsScorer,
    environment: environmentOf = () => pipeEnvironment,
  }: Stage,
  { trainer: name, params }: TrainerJob,
  context: StageContext<Json>,
  secrets: ReadonlyArray<string>,
) {
  const secretValues = yield* valuesOf(secrets);
  const message = (text: string) =>
    context.report({ _tag: "Message", level: "info", message: text });
  // Finding Python and its imports take seconds, in which nothing else is reported.
  yield* message("starting Python…");
  const used = environmentOf(context.params);
  const { python } = yield* (yield* PythonEnvironment)
    .ensure(used, message)
    .pipe(Effect.mapError((error) => new StageFailed({ message: error.message, fix: error.fix })));

  const job: JobFile = {
    protocol: PROTOCOL,
    stage: name,
    attempt: context.attempt,
    params: params as JobFile["params"],
    inputs: directoriesOf(context.inputs),
    output: context.output,
    checkpoints: context.checkpoints,
    ...(needsScorer === undefined ? {} : { scorer: scorer() }),
  };
  fs.mkdirSync(context.checkpoints, { recursive: true });
  // A job of an earlier process may be reading it.
  writeAtomically(path.join(context.work, "job.json"), `${JSON.stringify(job, null, 2)}\n`);
  const end = yield* runJob(context, {
    stage: stageName,
    command: [python, "-m", `trainers.${name}`, context.work],
    ...(used === pipeEnvironment ? { preload } : {}),
    cwd: context.work,
    environment,
    secrets: secretValues,
  });
  return yield* resultOf(context, name, end);
});

const directoriesOf = (inputs: StageInputs): JobFile["inputs"] =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      Array.isArray(input)
        ? fanIn(inputs, name).map(({ directory }) => directory)
        : singleInput(inputs, name).directory,
    ]),
  );

const valuesOf = Effect.fnUntraced(function* (variables: ReadonlyArray<string>) {
  const values: Record<string, string> = {};
  for (const name of variables) {
    const value = process.env[name];
    if (value === undefined || value === "")
      return yield* new StageFailed({
        message: `the environment variable ${name} for the key of an endpoint is not set`,
        fix: `export ${name}, then run the same command again`,
      });
    values[name] = value;
  }
  return values;
});

/** The result file decides; the exit code only explains a missing one. */
const resultOf = (
  context: StageContext<unknown>,
  name: string,
  end: JobEnd,
): Effect.Effect<StageResult, StageFailed> => {
  const file = path.join(context.work, "result.json");
  const result = fs.existsSync(file)
    ? decodeJobResult(fs.readFileSync(file, "utf8"), context.attempt)
    : Result.fail(`the trainer ${name} ended ${jobEndText(end)} without a result`);
  if (Result.isFailure(result)) {
    const fix = "see the last lines of its log; the same command resumes from the last checkpoint";
    return Effect.fail(failedJob(context, end, { message: result.failure, fix }));
  }
  const { success } = result;
  if (success.status === "failed")
    return Effect.fail(failedJob(context, end, { message: success.message, fix: success.fix }));
  return Effect.succeed({
    summary: success.summary,
    ...(success.resumed_from === null ? {} : { resumedFrom: success.resumed_from }),
    cost: {
      cpuSeconds: end.cpuSeconds,
      maxRssBytes: end.maxRssBytes,
      ...(success.seconds === undefined ? {} : { phases: success.seconds }),
    },
  });
};
