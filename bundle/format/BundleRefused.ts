import { Runtime, Schema } from "effect";

/** Refuses to write a bundle that is misleading or must not be published. */
export class BundleRefused extends Schema.TaggedError<BundleRefused>()("BundleRefused", {
  message: Schema.String,
  fix: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}
