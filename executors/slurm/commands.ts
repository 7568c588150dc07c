/** Slurm's commands, each with a time limit of ours: without an answer they retry for a minute. */
import { Effect } from "effect";

export interface CommandAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  /** The text on stderr, in one line. */
  readonly message: string;
}

/** Variables of an outer Slurm job or of `sbatch` would change what is asked; the cluster's address stays. */
export const slurmEnvironment = (own = process.env): Record<string, string> =>
  Object.fromEntries(
    Object.entries(own).flatMap(([name, value]) =>
      value !== undefined && /^(PATH|HOME|USER|LOGNAME|LANG|SLURM_CONF)$/u.test(name)
        ? [[name, value] as const]
        : [],
    ),
  );

const limitMillis = 30_000;

/** Never fails: a failed command is an answer. */
export const slurmCommand = (
  program: string,
  words: ReadonlyArray<string>,
  more: { readonly input?: string; readonly secrets?: Readonly<Record<string, string>> } = {},
): Effect.Effect<CommandAnswer> =>
  Effect.promise(async () => {
    const { execa } = await import("execa"); // takes 40 ms, and a run without jobs does not need it
    const { failed, stdout, stderr, shortMessage } = await execa(program, words, {
      reject: false,
      timeout: limitMillis,
      extendEnv: false,
      env: { ...slurmEnvironment(), ...more.secrets },
      input: more.input ?? "",
      // Ctrl-C in a terminal reaches the whole process group; a submission must come to its end
      detached: true,
      cleanup: false,
    });
    const said = String(stderr)
      .trim()
      .replaceAll(/\s*\n\s*/gu, "; ");
    return {
      ok: !failed,
      stdout: String(stdout),
      message: said === "" ? (shortMessage ?? "") : said,
    };
  });
