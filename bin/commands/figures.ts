import { Clock, Console, Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import type { StoreTrouble } from "../../cache/StoreTrouble.ts";
import type { Format } from "../../report/files/formats.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { findRun } from "./findRun.ts";
import { storeHome } from "./project.ts";

const formats = ["svg", "pdf", "png"] as const satisfies ReadonlyArray<Format>;

export const figuresCommand = Command.make(
  "figures",
  {
    run: Argument.String("run").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("a run's name; by default the latest"),
    ),
    format: Flag.String("format").pipe(
      Flag.withDefault("svg,pdf"),
      Flag.withDescription(`one or more of ${formats.join(", ")}, with commas between`),
    ),
    to: Flag.String("to").pipe(
      Flag.optional,
      Flag.withDescription("the folder to write to; by default RUN-figures"),
    ),
  },
  Effect.fn("pipe figures")(function* ({ run, format, to }) {
    const asked = yield* Effect.forEach([...new Set(format.split(","))], formatNamed);
    const plan = yield* findRun(run);
    const folder = Option.getOrElse(to, () => `${plan.run}-figures`);
    const now = yield* Clock.currentTimeMillis;
    // Charts load only here: every other command starts without them.
    const { makeFigures } = yield* Effect.promise(() => import("../../report/report.ts"));
    const { files, omitted } = yield* Effect.tryPromise({
      try: () => makeFigures({ home: storeHome(), plans: [plan], now }, asked),
      catch: missingPackage,
    });
    if (files.length === 0)
      return yield* new UsageError({
        message: [`${plan.run} has nothing to draw yet`, ...omitted].join("; "),
      });
    yield* Effect.try({
      try: () => {
        fs.mkdirSync(folder, { recursive: true });
        for (const { name, bytes } of files) fs.writeFileSync(path.join(folder, name), bytes);
      },
      catch: (cause) =>
        new UsageError({
          message: `the figures can't be written to ${folder}: ${(cause as Error).message}; name another folder with --to`,
        }),
    });
    for (const { name, bytes } of files)
      yield* Console.log(`${path.join(folder, name)}: ${bytesText(bytes.length)}`);
    for (const sentence of omitted) yield* Console.log(sentence);
  }),
).pipe(
  Command.withDescription("Write the figures of a run's report as files for a paper"),
  Command.withExamples([
    {
      command: "pipe figures sft-lambda-1 --format pdf --to paper/figures",
      description: "one PDF a figure, as wide as a column or as the text",
    },
  ]),
);

const formatNamed = (name: string): Effect.Effect<Format, UsageError> => {
  const known = formats.find((each) => each === name);
  return known === undefined
    ? Effect.fail(unknownNameError("format", name, formats))
    : Effect.succeed(known);
};

/** npm leaves optional packages out where it can't install them. */
const missingPackage = (cause: unknown): StoreTrouble | UsageError => {
  const { code, message } = cause as { readonly code?: string; readonly message: string };
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND"
    ? new UsageError({
        message: `a package that figures need is not installed (${message.split("\n")[0]}); install pipe again with optional packages, or choose other formats with --format`,
      })
    : (cause as StoreTrouble);
};
