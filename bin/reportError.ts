/** Reports an error on stderr, or with --json as one line on stdout, and sets its exit code. */
import { Effect, Runtime } from "effect";
import { CliError, CliOutput } from "effect/cli";
import { InvalidSpec } from "../schemas/Diagnostic.ts";
import { invalidSpecJson } from "./commands/project.ts";
import { Exit } from "./UsageError.ts";
import { renderDiagnostics } from "./view/diagnostics.ts";
import { jsonLine } from "./view/jsonLine.ts";
import { styleFor } from "./view/style.ts";

export const reportError = (error: unknown): Effect.Effect<never, unknown> =>
  Effect.andThen(
    Effect.sync(() => print(error)),
    Effect.fail(exitCodeOf(error)),
  );

const print = (error: unknown): void => {
  if (error instanceof Exit) return;
  if (isJson()) process.stdout.write(errorJson(error));
  else if (!isBare()) process.stderr.write(`${errorText(error)}\n`);
};

/** Reads the arguments themselves: a command line that can't be parsed has no flags. */
const isJson = (): boolean => process.argv.includes("--json");

/** `pipe` alone asks for help. */
const isBare = (): boolean => process.argv.length <= 2;

/** Drops the help that Effect prints after a parse error: thirty lines would push the error off the screen. */
export const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "Help" && event.reason === "Implicit" && !isBare()
      ? Effect.void
      : CliOutput.defaultPresenter.present(event),
});

interface ErrorReport {
  readonly _tag: string;
  readonly messages: ReadonlyArray<string>;
  readonly fix?: string | undefined;
}

const errorJson = (error: unknown): string => {
  if (error instanceof InvalidSpec) return invalidSpecJson(error);
  const { _tag, messages, fix } = reportOf(error);
  const message = messages.join("; ");
  // A mistake on the command line says after a semicolon what to type.
  const advice = message.split("; ").slice(1).join("; ");
  return jsonLine({ _tag, message, fix: fix ?? (advice || helpLine()) });
};

const errorText = (error: unknown): string => {
  const style = styleFor(process.stderr);
  if (error instanceof InvalidSpec) return renderDiagnostics(error.diagnostics, style);
  const { messages, fix } = reportOf(error);
  const lines = messages.map((message) => `${style.red("error")}: ${message}`);
  return [...lines, ...(fix === undefined ? [] : [`  ${fix}`])].join("\n");
};

const reportOf = (error: unknown): ErrorReport => {
  if (CliError.isCliError(error)) {
    if (error._tag !== "ShowHelp") return { _tag: "UsageError", messages: [error.message] };
    const messages = error.errors.map(({ message }) => message);
    const help = `see ${error.commandPath.join(" ")} --help`;
    const options = error.errors.flatMap((each) =>
      each._tag === "UnrecognizedOption" ? [each.option.replace(/^-+/u, "")] : [],
    );
    const fix = takesSet(error.commandPath)
      ? options.map((option) => `a param of a stage: --set STAGE.${option}=VALUE`)
      : [];
    return { _tag: "UsageError", messages, fix: [...fix, help].join("; ") };
  }
  const { _tag = "Error", message = String(error), fix } = error as Partial<ErrorReport & Error>;
  return { _tag, messages: [message], fix };
};

/** Commands on experiments, whose params people look for among the flags. */
const takesSet = (commandPath: ReadonlyArray<string>): boolean =>
  ["run", "plan", "why"].includes(commandPath.at(-1) ?? "");

const helpLine = (): string => {
  const command = process.argv[2];
  return command === undefined || command.startsWith("-")
    ? "see pipe --help"
    : `see pipe ${command} --help`;
};

const usage = 2;

/** The error for runMain: already reported, with its exit code. */
const exitCodeOf = (error: unknown): Exit => {
  if (error instanceof Exit) return error;
  return new Exit({ code: CliError.isCliError(error) ? usage : Runtime.getErrorExitCode(error) });
};
