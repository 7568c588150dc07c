import { Schema } from "effect";

/** The trainers have no Python environment: `message` gives the reason, `fix` the next step. */
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
