/** What was handed over is no bundle that anybody should open. Nothing of it is left behind. */
import { Runtime, Schema } from "effect";

export class BadBundle extends Schema.TaggedError<BadBundle>()("BadBundle", {
  message: Schema.String,
  fix: Schema.String,
}) {
  /** What was refused is not verified. */
  override readonly [Runtime.errorExitCode] = 3;
  override readonly [Runtime.errorReported] = false;
}

export const bad = (message: string): BadBundle =>
  new BadBundle({ message, fix: "get the bundle again, or ask who made it" });
