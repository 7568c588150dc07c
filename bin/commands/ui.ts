import { Console, Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { UsageError } from "../UsageError.ts";
import { findRun } from "./findRun.ts";
import { storeHome } from "./project.ts";

export const uiCommand = Command.make(
  "ui",
  {
    run: Argument.String("run").pipe(
      Argument.optional,
      Argument.withDescription("the run whose address is printed; by default that of all runs"),
    ),
    port: Flag.Int("port").pipe(
      Flag.withDefault(0),
      Flag.withDescription("a port of this machine; by default a free one"),
    ),
  },
  Effect.fn("pipe ui")(function* ({ run, port }) {
    const plan = Option.isSome(run) ? yield* findRun(run.value) : undefined;
    // The server, charts and pages load only here: every other command starts without them.
    const { serveReports } = yield* Effect.promise(() => import("../../report/report.ts"));
    const ui = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => serveReports({ home: storeHome(), port }),
        catch: (cause) =>
          new UsageError({
            message: `pipe ui can't listen on port ${port}: ${(cause as Error).message}; name another with --port, or none for a free one`,
          }),
      }),
      ({ close }) => Effect.promise(close),
    );
    yield* Console.log(
      plan === undefined ? ui.address : `${ui.address}runs/${encodeURIComponent(plan.run)}`,
    );
    yield* Console.error("Open this address in a browser of this machine; Ctrl-C ends it.");
    return yield* Effect.never;
  }, Effect.scoped),
).pipe(
  Command.withDescription(
    "Serve the reports of all runs to a browser here, and follow runs as they go",
  ),
  Command.withExamples([
    { command: "pipe ui", description: "the list of all runs" },
    {
      command: "pipe ui latest --port 8000",
      description: "the latest run, on a port to forward by ssh",
    },
  ]),
);
