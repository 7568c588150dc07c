/** Runs one of our trainers (`python -m trainers.<name>`) as a job, by the job protocol of `schemas/Job.ts`. */
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { JobEnd } from "../executors/Executor.ts";
import { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import { root } from "../executors/root.ts";
import type { Json } from "../schemas/Digest.ts";
import { decodeJobResult, type JobFile, PROTOCOL } from "../schemas/Job.ts";
import { failedJob, howItEnded, runJob } from "./job.ts";
import { type StageContext, StageFailed, type StageResult } from "./Stage.ts";

/** What every trainer of ours runs with. */
export const trainerLocks: ReadonlyArray<string> = [
  path.join(root, "trainers", "requirements.lock"),
];

/** This very program as the scorer. */
const scorer = (): ReadonlyArray<string> => [process.execPath, process.argv[1] ?? "", "score"];

interface Needs {
  /** The scorer, as a co-process. */
  readonly rewards?: boolean;
  /** Variables of our own environment that the trainer finds in its own and nowhere else: no file has their values. */
  readonly secrets?: ReadonlyArray<string>;
}

/** `inputs` are directories by name, as the trainer's docstring wants them. `params` have every default filled in. */
export const runTrainer = Effect.fnUntraced(function* <Params extends Json>(
  name: string,
  context: StageContext<Params>,
  inputs: Readonly<Record<string, string>>,
  { rewards = false, secrets = [] }: Needs = {},
) {
  const handedOver = yield* valuesOf(secrets);
  const environment = yield* PythonEnvironment;
  const message = (text: string) =>
    context.report({ _tag: "Message", level: "info", message: text });
  const { python } = yield* environment
    .ensure(trainerLocks, message)
    .pipe(Effect.mapError((error) => new StageFailed({ message: error.message, fix: error.fix })));

  const job: JobFile = {
    protocol: PROTOCOL,
    stage: name,
    attempt: context.attempt,
    params: context.params as JobFile["params"],
    inputs,
    output: context.output,
    checkpoints: context.checkpoints,
    ...(rewards ? { scorer: scorer() } : {}),
  };
  fs.mkdirSync(context.checkpoints, { recursive: true });
  fs.writeFileSync(path.join(context.work, "job.json"), `${JSON.stringify(job, null, 2)}\n`);
  const end = yield* runJob(context, {
    command: [python, "-m", `trainers.${name}`, context.work],
    cwd: context.work,
    environment: { ...handedOver, PYTHONPATH: root, PYTHONUNBUFFERED: "1", HF_HUB_OFFLINE: "1" },
  });
  return yield* resultOf(context, name, end);
});

const valuesOf = Effect.fnUntraced(function* (variables: ReadonlyArray<string>) {
  const values: Record<string, string> = {};
  for (const name of variables) {
    const value = process.env[name];
    if (value === undefined || value === "")
      return yield* new StageFailed({
        message: `the environment variable ${name}, which should hold the key of an endpoint, is not set`,
        fix: `export ${name}, then run the same command again`,
      });
    values[name] = value;
  }
  return values;
});

/** The result file is the truth; how the process ended only explains why there is none. */
const resultOf = (
  context: StageContext<unknown>,
  name: string,
  end: JobEnd,
): Effect.Effect<StageResult, StageFailed> => {
  const file = path.join(context.work, "result.json");
  const result = fs.existsSync(file)
    ? decodeJobResult(fs.readFileSync(file, "utf8"), context.attempt)
    : Result.fail(`the trainer ${name} ended ${howItEnded(end)} without a result`);
  if (Result.isFailure(result)) {
    const fix =
      "the last lines of its log say why; run the same command to go on from the last checkpoint";
    return Effect.fail(failedJob(context, end, { message: result.failure, fix }));
  }
  const { success } = result;
  if (success.status === "failed")
    return Effect.fail(failedJob(context, end, { message: success.message, fix: success.fix }));
  return Effect.succeed({
    summary: success.summary,
    ...(success.resumed_from === null ? {} : { resumedFrom: success.resumed_from }),
    cost: { cpuSeconds: end.cpuSeconds, maxRssBytes: end.maxRssBytes },
  });
};
