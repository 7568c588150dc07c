import { Clock, Console, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import { statusOf } from "../../pipelines/RunStatus.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { statusText } from "../view/statusText.ts";
import { styleFor } from "../view/style.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";
import { findRun } from "./table.ts";

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
    if (!json) return yield* Console.log(statusText(status, now, styleFor(process.stdout)));
    const { summary, nodes, unreadable } = status;
    process.stdout.write(jsonLine({ ...summary, unreadable }));
    for (const node of nodes) process.stdout.write(jsonLine({ run: plan.run, ...node }));
  }),
).pipe(
  Command.withDescription(
    "Show how a run stands: what is made, at work, waiting, failed, not begun; also from another terminal",
  ),
);
