/** Every way to fail, as a person reads it on stderr, or with --json as one line on stdout. The exit code is the error's own. */
import { Effect, Runtime } from "effect";
import { CliError, CliOutput } from "effect/cli";
import { InvalidSpec } from "../schemas/Diagnostic.ts";
import { invalidSpecJson } from "./commands/project.ts";
import { Exit } from "./UsageError.ts";
import { renderDiagnostics } from "./view/diagnostics.ts";
import { jsonLine } from "./view/jsonLine.ts";
import { styleFor } from "./view/style.ts";

export const explain = (error: unknown): Effect.Effect<never, unknown> =>
  Effect.andThen(
    Effect.sync(() => describe(error)),
    Effect.fail(exitCodeOf(error)),
  );

const describe = (error: unknown): void => {
  if (error instanceof Exit) return;
  if (isForPrograms()) process.stdout.write(errorJson(error));
  else process.stderr.write(`${errorText(error)}\n`);
};

/** Asked of the words themselves: a line that can't be parsed has no flags. */
const isForPrograms = (): boolean => process.argv.includes("--json");

/** Help that nobody asked for follows every line that can't be parsed; a program would take it for an answer. */
export const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "Help" && event.reason === "Implicit" && isForPrograms()
      ? Effect.void
      : CliOutput.defaultPresenter.present(event),
});

interface Told {
  readonly _tag: string;
  readonly messages: ReadonlyArray<string>;
  readonly fix?: string | undefined;
}

const errorJson = (error: unknown): string => {
  if (error instanceof InvalidSpec) return invalidSpecJson(error);
  const { _tag, messages, fix } = told(error);
  return jsonLine({ _tag, message: messages.join("; "), ...(fix === undefined ? {} : { fix }) });
};

const errorText = (error: unknown): string => {
  const style = styleFor(process.stderr);
  if (error instanceof InvalidSpec) return renderDiagnostics(error.diagnostics, style);
  const { messages, fix } = told(error);
  const lines = messages.map((message) => `${style.red("error")}: ${message}`);
  return [...lines, ...(fix === undefined ? [] : [`  ${fix}`])].join("\n");
};

const told = (error: unknown): Told => {
  if (CliError.isCliError(error)) {
    if (error._tag !== "ShowHelp") return { _tag: "UsageError", messages: [error.message] };
    const messages = error.errors.map(({ message }) => message);
    return { _tag: "UsageError", messages, fix: `see ${error.commandPath.join(" ")} --help` };
  }
  const { _tag = "Error", message = String(error), fix } = error as Partial<Told & Error>;
  return { _tag, messages: [message], fix };
};

const usage = 2;

/** The error as runMain wants it: reported, with its code; every mistake on the command line has the same. */
const exitCodeOf = (error: unknown): Exit => {
  if (error instanceof Exit) return error;
  return new Exit({ code: CliError.isCliError(error) ? usage : Runtime.getErrorExitCode(error) });
};
