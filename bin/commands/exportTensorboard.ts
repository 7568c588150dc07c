/** Writes the metrics of a run's trainings for TensorBoard: in a folder of the run's name, a folder for each training. */
import { Console, Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { fileName } from "../../cache/fileName.ts";
import { Store } from "../../cache/Store.ts";
import { eventFile, eventFileName } from "../../kinds/eventFile.ts";
import { plural } from "../../kinds/terminal.ts";
import { artifactIn } from "../../pipelines/history/RunHistory.ts";
import { readSteps } from "../../report/read/readTraining.ts";
import { UsageError } from "../UsageError.ts";
import { findRun } from "./findRun.ts";

export const exportTensorboard = Effect.fnUntraced(function* (name: string, directory: string) {
  const { home, directoryOf, query } = yield* Store;
  const plan = yield* findRun(name);
  let written = 0;
  for (const each of plan.nodes.filter(({ kind }) => kind === "model")) {
    const artifact = artifactIn(home, plan.run, each);
    const steps = artifact === undefined ? [] : readSteps(directoryOf(artifact));
    if (artifact === undefined || steps.length === 0) continue;
    const maker = yield* query((index) => index.actionsOf(artifact)[0]);
    const folder = path.join(directory, fileName(plan.run), fileName(each.node));
    yield* Effect.try({
      try: () => {
        fs.mkdirSync(folder, { recursive: true });
        // The metrics have no times: every step bears the time when the training ended.
        const at = Date.parse(maker?.finishedAt ?? "") / 1000 || 0;
        fs.writeFileSync(path.join(folder, eventFileName), eventFile(steps, at));
      },
      catch: (cause) =>
        new UsageError({
          message: `can't write ${folder}: ${(cause as Error).message}; name another folder with --tensorboard`,
        }),
    });
    written += 1;
  }
  if (written === 0)
    return yield* new UsageError({
      message: `${plan.run} has no training with metrics; ${directory} not written`,
    });
  yield* Console.log(
    `${plan.run}: metrics of ${plural(written, "training")} in ${directory}; see them with: tensorboard --logdir ${directory}`,
  );
});
