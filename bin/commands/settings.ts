/** The project's settings (`pipe.yaml`) and the executor that a run uses. */
import { Effect, Layer, Option } from "effect";
import { Flag } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { Local } from "../../executors/Local.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { slurmLayer } from "../../executors/slurm/Slurm.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { readSettings } from "../../pipelines/experiment/settings.ts";
import { InvalidSpec } from "../../schemas/Diagnostic.ts";
import { type ExecutorName, executorNames } from "../../schemas/Site.ts";
import { runs } from "../../stages/runs.ts";
import { project } from "./project.ts";

const settingsFile = "pipe.yaml";

export const executorFlag = Flag.Literals("executor", executorNames).pipe(
  Flag.optional,
  Flag.withDescription("where jobs run; by default what `executor` in pipe.yaml says, or local"),
);

/** Fails with every error of the file. No file is no settings. */
export const loadSettings = Effect.suspend(() => {
  const file = path.join(project(), settingsFile);
  const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  const jobStages = [...runs.values()].flatMap(({ stage, runsJobs }) =>
    runsJobs === true ? [stage.name] : [],
  );
  const read = readSettings(new Source(settingsFile, text), jobStages);
  return read.settings === undefined
    ? Effect.fail(new InvalidSpec({ diagnostics: read.diagnostics }))
    : Effect.succeed(read.settings);
});

/** `isDetached` says, at an interruption, whether jobs of a cluster are left to run. */
export const chooseExecutor = Effect.fnUntraced(function* (
  asked: Option.Option<ExecutorName>,
  isDetached: () => boolean,
) {
  const { executor = "local", slurm = {} } = yield* loadSettings;
  const name = Option.getOrElse(asked, () => executor);
  const jobs = name === "slurm" ? slurmLayer({ site: slurm, isDetached }) : Local.layer;
  // merged, so that they share one supervisor
  return { name, site: slurm, layer: Layer.mergeAll(jobs, PythonEnvironment.layer) };
});
