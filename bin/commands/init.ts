import { Console, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { plural } from "../../kinds/terminal.ts";
import { UsageError } from "../UsageError.ts";
import { firstExperiment, firstProgram } from "../view/firstExperiment.ts";

const files = { "experiment.yaml": firstExperiment, "fit.py": firstProgram };

export const initCommand = Command.make(
  "init",
  {
    directory: Argument.String("directory").pipe(
      Argument.withDefault("."),
      Argument.withDescription("where to begin; by default the current directory"),
    ),
  },
  Effect.fn("pipe init")(function* ({ directory }) {
    const present = Object.keys(files).filter((name) => fs.existsSync(path.join(directory, name)));
    if (present.length > 0)
      return yield* new UsageError({
        message: `${present.join(" and ")} ${present.length === 1 ? "is" : "are"} in ${directory} already; nothing was written. Name another directory: pipe init DIRECTORY`,
      });
    const written = yield* Effect.try({
      try: () => begin(directory),
      catch: (cause) =>
        new UsageError({ message: `can't write to ${directory}: ${(cause as Error).message}` }),
    });
    const there = path.relative(".", directory);
    yield* Console.log(
      [
        `${plural(written.length, "file")} written: ${written.join(", ")}`,
        "run them:",
        ...(there === "" ? [] : [`  cd ${there}`]),
        "  pipe run experiment.yaml",
      ].join("\n"),
    );
  }),
).pipe(Command.withDescription("Write a small experiment to begin with, which runs in seconds"));

const begin = (directory: string): ReadonlyArray<string> => {
  fs.mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files))
    fs.writeFileSync(path.join(directory, name), text, { flag: "wx" });
  return [...Object.keys(files), ...(ignoreStore(directory) ? [".gitignore"] : [])];
};

/** Keeps the store out of git. True where that needed a line. */
const ignoreStore = (directory: string): boolean => {
  const file = path.join(directory, ".gitignore");
  const before = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  if (/^\/?\.pipe\/?\r?$/mu.test(before)) return false;
  const start = before === "" || before.endsWith("\n") ? before : `${before}\n`;
  fs.writeFileSync(file, `${start}.pipe/\n`);
  return true;
};
