import { Console, Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { Store } from "../../cache/Store.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { writeParquetTable } from "../../kinds/parquetTable.ts";
import { plural } from "../../kinds/terminal.ts";
import { UsageError } from "../UsageError.ts";
import { findArtifact } from "./artifacts.ts";
import { exportTensorboard } from "./exportTensorboard.ts";
import { findRun } from "./findRun.ts";
import { storeHome } from "./project.ts";
import { type LineKind, lineKinds, runLines } from "./runLines.ts";

const fileFlag = (name: LineKind, what: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withDescription(`a Parquet file to write: ${what}`));

export const exportCommand = Command.make(
  "export",
  {
    artifact: Argument.String("artifact").pipe(
      Argument.withDescription(
        "a digest or its beginning, RUN/NODE, or a node of the latest run; with a file, a run",
      ),
    ),
    directory: Argument.String("directory").pipe(
      Argument.optional,
      Argument.withDescription("a new or empty directory"),
    ),
    scores: fileFlag("scores", "every judged answer of the run"),
    rollouts: fileFlag("rollouts", "every sampled response of the run, with its rewards"),
    metrics: fileFlag("metrics", "the metrics of its trainings, step by step"),
    tensorboard: Flag.String("tensorboard").pipe(
      Flag.optional,
      Flag.withDescription("a folder for TensorBoard: the metrics of its trainings, a folder each"),
    ),
  },
  Effect.fn("pipe export")(function* ({ artifact, directory, tensorboard, ...files }) {
    const asked = lineKinds.flatMap((kind) =>
      Option.toArray(files[kind]).map((file) => ({ kind, file })),
    );
    if (Option.isSome(directory) === (asked.length > 0 || Option.isSome(tensorboard)))
      return yield* new UsageError({
        message:
          "give a directory for an artifact's files, or --scores, --rollouts, --metrics with a file or --tensorboard with a folder for a run's lines",
      });
    const works = [
      ...Option.toArray(directory).map((target) => exportTo(artifact, target)),
      ...(asked.length > 0 ? [exportLines(artifact, asked)] : []),
      ...Option.toArray(tensorboard).map((folder) => exportTensorboard(artifact, folder)),
    ];
    yield* Effect.all(works, { discard: true }).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
    );
  }),
).pipe(
  Command.withDescription(
    "Copy an artifact's files, or the single lines of a run, out of the store",
  ),
  Command.withExamples([
    {
      command: "pipe export latest --scores scores.parquet",
      description: "for pandas or DuckDB: a row for each answer, with its node and labels",
    },
  ]),
);

const exportLines = Effect.fnUntraced(function* (
  run: string,
  asked: ReadonlyArray<{ readonly kind: LineKind; readonly file: string }>,
) {
  const plan = yield* findRun(run);
  for (const { kind, file } of asked) {
    const lines = yield* runLines(plan, kind);
    if (lines.length === 0)
      return yield* new UsageError({ message: `${plan.run} has no ${kind}; ${file} not written` });
    yield* Effect.try({
      try: () => writeParquetTable(file, lines),
      catch: (cause) =>
        new UsageError({ message: `can't write ${file}: ${(cause as Error).message}` }),
    });
    yield* Console.log(`${plan.run}: ${plural(lines.length, "line")} of ${kind} in ${file}`);
  }
});

const exportTo = Effect.fnUntraced(function* (name: string, directory: string) {
  const store = yield* Store;
  const artifact = yield* findArtifact(name);
  const source = store.directoryOf(artifact.digest);
  yield* Effect.try({
    try: () => {
      if (
        fs.existsSync(directory) &&
        (!fs.statSync(directory).isDirectory() || fs.readdirSync(directory).length > 0)
      ) {
        throw new Error("it exists and is not an empty directory");
      }
      for (const file of artifact.files) {
        const target = path.join(directory, file.path);
        fs.mkdirSync(path.dirname(target), { recursive: true });
        fs.copyFileSync(path.join(source, file.path), target);
        fs.chmodSync(target, file.executable === true ? 0o755 : 0o644);
      }
    },
    catch: (cause) =>
      new UsageError({ message: `can't export to ${directory}: ${(cause as Error).message}` }),
  });
  yield* Console.log(
    `${artifact.kind} ${artifact.digest.slice(0, 12)}: ${plural(artifact.files.length, "file")}, ${bytesText(artifact.bytes)}, in ${directory}`,
  );
});
