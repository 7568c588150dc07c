/** Refuses to open a malformed or hostile bundle. Nothing of it stays on disk. */
import { Runtime, Schema } from "effect";

export class BadBundle extends Schema.TaggedError<BadBundle>()("BadBundle", {
  message: Schema.String,
  fix: Schema.String,
}) {
  /** The exit code of a failed verification. */
  override readonly [Runtime.errorExitCode] = 3;
  override readonly [Runtime.errorReported] = false;
}

export const bad = (message: string): BadBundle =>
  new BadBundle({ message, fix: "get the bundle again, or ask who made it" });
