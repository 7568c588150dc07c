/** The Python that trainers run with, once it is there. */
export interface TrainerPython {
  /** Absolute path of the interpreter. */
  readonly python: string;
  /** The environment's part of a key: see `PythonEnvironment.identity`. */
  readonly identity: string;
}
