import { Runtime, Schema } from "effect";

/** Refuses to push what is incomplete or must not be published; nothing has been sent. */
export class PushRefused extends Schema.TaggedError<PushRefused>()("PushRefused", {
  message: Schema.String,
  fix: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}
