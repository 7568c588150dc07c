import { Clock, Console, Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import fs from "node:fs";
import type { StoreTrouble } from "../../cache/StoreTrouble.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { UsageError } from "../UsageError.ts";
import { findRun } from "./findRun.ts";
import { storeHome } from "./project.ts";

export const reportCommand = Command.make(
  "report",
  {
    run: Argument.String("run").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("a run's name; by default the latest"),
    ),
    other: Argument.String("run-b").pipe(
      Argument.optional,
      Argument.withDescription("a second run to compare with it"),
    ),
    to: Flag.String("to").pipe(
      Flag.optional,
      Flag.withDescription("the file to write; by default RUN.html in the current folder"),
    ),
  },
  Effect.fn("pipe report")(function* ({ run, other, to }) {
    const names = [run, ...Option.toArray(other)];
    const plans = yield* Effect.forEach(names, findRun);
    const file = Option.getOrElse(to, () => `${plans.map((plan) => plan.run).join("-and-")}.html`);
    const now = yield* Clock.currentTimeMillis;
    // Charts and the page load only here: every other command starts without them.
    const { makeReport } = yield* Effect.promise(() => import("../../report/report.ts"));
    const page = yield* Effect.tryPromise({
      try: () => makeReport({ home: storeHome(), plans, now }),
      catch: (cause) => cause as StoreTrouble,
    });
    yield* Effect.try({
      try: () => fs.writeFileSync(file, page),
      catch: (cause) =>
        new UsageError({
          message: `the report can't be written to ${file}: ${(cause as Error).message}; name another file with --to`,
        }),
    });
    yield* Console.log(`${file}: ${bytesText(Buffer.byteLength(page))}, opens in a browser`);
  }),
).pipe(
  Command.withDescription("Write a run's report, or that of two side by side, as one HTML file"),
);
