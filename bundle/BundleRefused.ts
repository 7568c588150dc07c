import { Runtime, Schema } from "effect";

/** A bundle that is not made, as it would not be what a reviewer takes it for, or must not be published. */
export class BundleRefused extends Schema.TaggedError<BundleRefused>()("BundleRefused", {
  message: Schema.String,
  fix: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}
