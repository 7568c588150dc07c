import { Schema } from "effect";

/** There is no environment for the trainers; `message` says why, `fix` what to do. */
export class PythonUnavailable extends Schema.TaggedError<PythonUnavailable>()(
  "PythonUnavailable",
  {
    reason: Schema.Literals([
      "no-python",
      "bad-lock",
      "install-failed",
      "disk-full",
      "cache-unwritable",
    ]),
    message: Schema.String,
    fix: Schema.String,
  },
) {}
