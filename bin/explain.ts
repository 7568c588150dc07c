/** Every way to fail, as a person reads it on stderr. The exit code is the error's own. */
import { Effect, Runtime } from "effect";
import { CliError } from "effect/cli";
import { InvalidSpec } from "../schemas/Diagnostic.ts";
import { invalidSpecJson } from "./commands/project.ts";
import { Exit } from "./UsageError.ts";
import { renderDiagnostics } from "./view/diagnostics.ts";
import { styleFor } from "./view/style.ts";

const say = (text: string) => Effect.sync(() => void process.stderr.write(`${text}\n`));

export const explain = (error: unknown): Effect.Effect<never, unknown> =>
  Effect.andThen(describe(error), Effect.fail(exitCodeOf(error)));

const describe = (error: unknown): Effect.Effect<void> => {
  const style = styleFor(process.stderr);
  if (error instanceof Exit) return Effect.void;
  if (error instanceof InvalidSpec) {
    if (process.argv.includes("--json"))
      return Effect.sync(() => void process.stdout.write(invalidSpecJson(error)));
    return say(renderDiagnostics(error.diagnostics, style));
  }
  if (CliError.isCliError(error)) {
    if (error._tag !== "ShowHelp") return say(`${style.red("error")}: ${error.message}`);
    const help = `see ${error.commandPath.join(" ")} --help`;
    return say(
      [...error.errors.map((each) => `${style.red("error")}: ${each.message}`), help].join("\n"),
    );
  }
  const { message, fix } = error as { readonly message?: string; readonly fix?: string };
  return say(
    [
      `${style.red("error")}: ${message ?? String(error)}`,
      ...(fix === undefined ? [] : [`  ${fix}`]),
    ].join("\n"),
  );
};

const usage = 2;

/** The error as runMain wants it: reported, with its code; every mistake on the command line has the same. */
const exitCodeOf = (error: unknown): Exit => {
  if (error instanceof Exit) return error;
  return new Exit({ code: CliError.isCliError(error) ? usage : Runtime.getErrorExitCode(error) });
};
