import { Clock, Console, Effect } from "effect";
import { Command } from "effect/cli";
import { runNames, summaryOf } from "../../pipelines/history/RunHistory.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { runsText, summaryJson } from "../view/runsText.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

export const runsCommand = Command.make(
  "runs",
  { json: jsonFlag },
  Effect.fn("pipe runs")(function* ({ json }) {
    const now = yield* Clock.currentTimeMillis;
    const runs = runNames(storeHome()).map((run) => summaryOf(storeHome(), run, now));
    if (json) for (const run of runs) process.stdout.write(jsonLine(summaryJson(run)));
    else if (runs.length === 0)
      yield* Console.error("no runs yet; start one with `pipe run EXPERIMENT`");
    else yield* printText(runsText(runs, styleFor(process.stdout)));
  }),
).pipe(Command.withDescription("List the runs of the store, newest last"));
