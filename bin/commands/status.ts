import { Clock, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import { statusOf } from "../../pipelines/history/RunStatus.ts";
import { summaryJson } from "../view/runsText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { statusText } from "../view/statusText.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";
import { findRun } from "./findRun.ts";

export const statusCommand = Command.make(
  "status",
  {
    run: Argument.String("run").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("a run's name; by default the latest"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe status")(function* ({ run, json }) {
    const plan = yield* findRun(run);
    const now = yield* Clock.currentTimeMillis;
    const status = statusOf(storeHome(), plan, now);
    if (!json) return yield* printText(statusText(status, now, styleFor(process.stdout)));
    const { summary, nodes, unreadable } = status;
    process.stdout.write(jsonLine({ ...summaryJson(summary), unreadable }));
    for (const node of nodes) process.stdout.write(jsonLine({ run: plan.run, ...node }));
  }),
).pipe(
  Command.withDescription(
    "Show the status of a run, node by node, also while it runs in another terminal",
  ),
);
