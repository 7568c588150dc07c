/** Runs the program of a `command` stage as a job, with its inputs as directories. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { fileName } from "../cache/fileName.ts";
import { Executor } from "../executors/Executor.ts";
import { writeAtomically } from "../executors/writeAtomically.ts";
import { keepMetrics, parseMetrics } from "../kinds/ResultMetrics.ts";
import { Command, placeholder } from "./Command.ts";
import { failedJob, jobEndText, runJob } from "./job.ts";
import { isSafe, withSafePaths } from "./safePaths.ts";
import {
  type FanInElement,
  type InputArtifact,
  StageFailed,
  type StageInputs,
  type StageRun,
  stageRun,
} from "./StageRun.ts";

const run = stageRun(
  Command,
  Effect.fnUntraced(function* (context) {
    const { run, env, metrics, empty, timeout } = context.params;
    const { isHere } = yield* Executor;
    if (!isHere(Command.name) && !isSafe(context.work)) return yield* unsafeElsewhere(context.work);
    const inputs = materialize(context.inputs, path.join(context.work, "inputs"));
    const end = yield* withSafePaths((safe) => {
      const fill = (text: string) =>
        text.replace(placeholder, (_, input: string | undefined) =>
          safe(input === undefined ? context.output : (inputs[input] ?? "")),
        );
      const command =
        typeof run === "string"
          ? (["bash", "-euo", "pipefail", "-c", fill(run)] as const)
          : ([fill(run[0]), ...run.slice(1).map(fill)] as const);
      const environment = Object.fromEntries(
        Object.entries(env).map(([name, text]) => [name, fill(text)]),
      );
      return runJob(context, {
        stage: Command.name,
        command,
        cwd: context.project,
        environment,
        timeout,
      });
    });
    if (end.exitCode !== 0) {
      const message = `the command ended ${jobEndText(end)}`;
      const fix = "fix the command, then run the same line again";
      return yield* failedJob(context, end, { message, fix });
    }
    if (empty !== "allowed" && isEmpty(context.output))
      return yield* new StageFailed({
        message: "the command left no file in {out}",
        fix: "write to {out}, or add `empty: allowed` to its `with` if there may be nothing to keep",
      });
    const summary = metrics === undefined ? {} : yield* takeMetrics(context.output, metrics);
    return { summary, cost: { cpuSeconds: end.cpuSeconds, maxRssBytes: end.maxRssBytes } };
  }),
);

/** Keeps the numbers in the program's `file` where `tabulate` finds them. */
const takeMetrics = (output: string, file: string) => {
  const place = path.join(output, file);
  const stat = fs.statSync(place, { throwIfNoEntry: false });
  const parsed =
    stat === undefined
      ? "does not exist"
      : stat.isFile()
        ? parseMetrics(fs.readFileSync(place, "utf8"))
        : "is not a file";
  if (typeof parsed === "string")
    return Effect.fail(
      new StageFailed({
        message: `{out}/${file} ${parsed}`,
        fix: 'write one JSON object of numbers there, such as {"loss": 0.25}; then run the same line again',
      }),
    );
  keepMetrics(output, parsed);
  return Effect.succeed(parsed);
};

const isEmpty = (directory: string): boolean => {
  try {
    const entries = fs.readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries.every((entry) => entry.isDirectory());
  } catch {
    // The listing of the output reports the error.
    return false;
  }
};

export const commandRun: StageRun = { ...run, runsJobs: true };

/** The links that make a path safe are on this machine. */
const unsafeElsewhere = (work: string) =>
  new StageFailed({
    message: `the command can't run on a cluster in ${work}: that path needs quotes in a shell`,
    fix: "set PIPE_HOME to a directory whose path has only letters, digits and `._-/`, or add `command` to `slurm.local` in pipe.yaml",
  });

/** A directory for each input; a fan-in is a directory of links. */
const materialize = (inputs: StageInputs, work: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      isFanIn(input) ? materializeFanIn(input, path.join(work, name)) : input.directory,
    ]),
  );

const isFanIn = (
  input: InputArtifact | ReadonlyArray<FanInElement>,
): input is ReadonlyArray<FanInElement> => Array.isArray(input);

const materializeFanIn = (elements: ReadonlyArray<FanInElement>, directory: string): string => {
  // Already there for a job of an earlier process.
  if (fs.existsSync(path.join(directory, "index.json"))) return directory;
  // A process that was killed may have left some of the links.
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  const index = elements.map(({ labels, directory: target }) => {
    const folder = folderName(labels);
    fs.symlinkSync(target, path.join(directory, folder));
    return { labels, path: folder };
  });
  writeAtomically(path.join(directory, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
  return directory;
};

/** `loss=token,seed=0`. Commas and percent signs in labels are percent-encoded. */
const folderName = (labels: FanInElement["labels"]): string =>
  fileName(
    Object.entries(labels)
      .map(([axis, label]) => `${axis}=${label.replaceAll("%", "%25").replaceAll(",", "%2C")}`)
      .join(","),
  );
