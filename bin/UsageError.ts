import { Runtime, Schema } from "effect";

/** The command line can't be meant as it is written. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  message: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}

/** An exit code that has been explained already. */
export class Exit extends Schema.TaggedError<Exit>()("Exit", { code: Schema.Int }) {
  override get [Runtime.errorExitCode]() {
    return this.code;
  }
  override readonly [Runtime.errorReported] = false;
}
