import { Runtime, Schema } from "effect";
import { unknownName } from "../schemas/Diagnostic.ts";

/** The command line can't be meant as it is written. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  message: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}

/** A name on the command line that stands for nothing, with those that do; `where` says what it was given to. */
export const unknownNameError = (
  what: string,
  name: string,
  valid: ReadonlyArray<string>,
  where = "",
): UsageError => {
  const { message, expected, suggestion } = unknownName(what, name, valid);
  const said = [`${where}${message}`, expected, suggestion].filter((part) => part !== undefined);
  return new UsageError({ message: said.join("; ") });
};

/** An exit code that has been explained already. */
export class Exit extends Schema.TaggedError<Exit>()("Exit", { code: Schema.Int }) {
  override get [Runtime.errorExitCode]() {
    return this.code;
  }
  override readonly [Runtime.errorReported] = false;
}
