/** Runs one of our trainers (`python -m trainers.<name>`) as a job, by the job protocol of `schemas/Job.ts`. */
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import { Executor, type JobEnd } from "../executors/Executor.ts";
import { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import { root } from "../executors/root.ts";
import type { Json } from "../schemas/Digest.ts";
import { decodeJobResult, type JobEvent, type JobFile, PROTOCOL } from "../schemas/Job.ts";
import { type StageContext, StageFailed, type StageReport, type StageResult } from "./Stage.ts";

/** What every trainer of ours runs with. */
export const trainerLocks: ReadonlyArray<string> = [
  path.join(root, "trainers", "requirements.lock"),
];

/** `inputs` are directories by name, as the trainer's docstring wants them. `params` have every default filled in. */
export const runTrainer = Effect.fnUntraced(function* <Params extends Json>(
  name: string,
  context: StageContext<Params>,
  inputs: Readonly<Record<string, string>>,
  cpus: number,
) {
  const environment = yield* PythonEnvironment;
  const executor = yield* Executor;
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
  };
  fs.writeFileSync(path.join(context.work, "job.json"), `${JSON.stringify(job, null, 2)}\n`);
  const end = yield* executor
    .run(
      {
        id: context.attempt,
        command: [python, "-m", `trainers.${name}`, context.work],
        directory: context.work,
        cwd: context.work,
        environment: { PYTHONPATH: root, PYTHONUNBUFFERED: "1", HF_HUB_OFFLINE: "1" },
        cpus,
        gpus: 0,
      },
      (event) => context.report(reportOf(event)),
    )
    .pipe(Effect.mapError((error) => new StageFailed({ message: error.message, fix: error.fix })));
  return yield* resultOf(context, name, end);
});

const reportOf = (event: JobEvent): StageReport => {
  switch (event.event) {
    case "progress":
      return { _tag: "Progress", done: event.done, total: event.total, unit: event.unit };
    case "metrics":
      return { _tag: "Metrics", step: event.step, values: event.values };
    case "log":
      return { _tag: "Message", level: event.level, message: event.message };
  }
};

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
    return Effect.fail(
      new StageFailed({
        message: result.failure,
        fix: "the last lines of its log say why; run the same command to go on from the last checkpoint",
      }),
    );
  }
  const { success } = result;
  if (success.status === "failed")
    return Effect.fail(new StageFailed({ message: success.message, fix: success.fix }));
  const resumed = success.resumed_from === null ? {} : { resumed_from: success.resumed_from };
  return Effect.succeed({
    summary: { ...success.summary, ...resumed },
    cost: { cpuSeconds: end.cpuSeconds, maxRssBytes: end.maxRssBytes },
  });
};

export const howItEnded = ({ exitCode, signal }: JobEnd): string =>
  signal === undefined ? `with exit code ${exitCode}` : `by ${signal}`;
