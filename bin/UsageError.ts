import { Runtime, Schema } from "effect";
import { unknownName } from "../schemas/Diagnostic.ts";

/** A mistake on the command line; the exit code is 2. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  message: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}

/** An unknown name on the command line, with the valid names; `where` is put before the message. */
export const unknownNameError = (
  what: string,
  name: string,
  valid: ReadonlyArray<string>,
  where = "",
): UsageError => {
  const { message, expected, suggestion } = unknownName(what, name, valid);
  const parts = [`${where}${message}`, expected, suggestion].filter((part) => part !== undefined);
  return new UsageError({ message: parts.join("; ") });
};

/** An exit code whose reason has been printed already. */
export class Exit extends Schema.TaggedError<Exit>()("Exit", { code: Schema.Int }) {
  override get [Runtime.errorExitCode]() {
    return this.code;
  }
  override readonly [Runtime.errorReported] = false;
}
