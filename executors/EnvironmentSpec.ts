/** A Python environment as a trainer declares it. */
export interface EnvironmentSpec {
  /** Lock files, absolute paths. Each one's packages are installed on top of those before it. */
  readonly locks: ReadonlyArray<string>;
  /** The environment variable that names a Python to use unchanged, in place of one made from the locks. */
  readonly variable: string;
  /** The locks have every package, so pip adds none of its own choice (`--no-deps`). */
  readonly isComplete?: true;
}
