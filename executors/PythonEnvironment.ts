/**
 * The Python that trainers run with: a virtual environment made from lock files, once per machine and lock, or the
 * interpreter that `PIPE_PYTHON` names, as it is.
 */
import { Context, type Effect, Schema } from "effect";

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

export interface TrainerPython {
  /** Absolute path of the interpreter. */
  readonly python: string;
  /** What goes into keys: see `identity`. */
  readonly identity: string;
}

/** `fraction` runs from 0 to 1 where it is known. */
export type OnProgress = (message: string, fraction?: number) => Effect.Effect<void>;

export class PythonEnvironment extends Context.Service<
  PythonEnvironment,
  {
    /**
     * SHA-256 over the pinned requirements of the locks and Python's `major.minor`; known without building anything.
     * With `PIPE_PYTHON`, `installed:` and the digest of the versions that are really installed.
     */
    readonly identity: (locks: ReadonlyArray<string>) => Effect.Effect<string, PythonUnavailable>;
    /** The environment of these lock files (absolute paths), each installed on top of those before it. */
    readonly ensure: (
      locks: ReadonlyArray<string>,
      onProgress: OnProgress,
    ) => Effect.Effect<TrainerPython, PythonUnavailable>;
  }
>()("pipe/PythonEnvironment") {}
