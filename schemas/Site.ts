/** The settings of a project, `pipe.yaml`: where jobs run. They are facts of a site, so no experiment and no key has them. */
import { Schema } from "effect";

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1));
const seconds = Schema.Finite.check(Schema.isGreaterThan(0));

export const SlurmSite = Schema.Struct({
  partition: Schema.optionalKey(Schema.NonEmptyString),
  account: Schema.optionalKey(Schema.NonEmptyString),
  qos: Schema.optionalKey(Schema.NonEmptyString),
  constraint: Schema.optionalKey(Schema.NonEmptyString),
  /** The time limit of jobs that have none of their own, as Slurm writes it: `12:00:00`. */
  time: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^(\d+-)?\d{1,2}:\d{2}(:\d{2})?$/u, {
        expected: "a time such as 04:00:00 or 2-00:00:00, in quotes",
      }),
    ),
  ),
  /** Further flags of `sbatch`. */
  flags: Schema.optionalKey(
    Schema.Array(
      Schema.String.check(
        Schema.isPattern(/^--[a-z][a-z-]*(=\S*)?$/u, {
          expected: "a flag such as --exclude=node7",
        }),
      ),
    ),
  ),
  /** The Python (3.9 or newer) that starts jobs on compute nodes. */
  python: Schema.optionalKey(Schema.NonEmptyString),
  /** The most tasks of one job array; at most the site's `MaxArraySize`. */
  max_array_size: Schema.optionalKey(count),
  /** The most tasks of one job array that run at a time. */
  max_running: Schema.optionalKey(count),
  /** The longest time between two looks at the queue. */
  poll_seconds: Schema.optionalKey(seconds),
  /** How long to wait for a file that a shared file system shows late, and for a submission without an answer. */
  patience_seconds: Schema.optionalKey(seconds),
  /** Time between TERM and KILL for a job that is ended; less than the site's `KillWait`. */
  grace_seconds: Schema.optionalKey(seconds),
  /** Stages whose jobs run on this machine. */
  local: Schema.optionalKey(Schema.Array(Schema.String)),
});
export interface SlurmSite extends Schema.Schema.Type<typeof SlurmSite> {}

export const executorNames = ["local", "slurm"] as const;
export type ExecutorName = (typeof executorNames)[number];

export const Settings = Schema.Struct({
  executor: Schema.optionalKey(Schema.Literals(executorNames)),
  slurm: Schema.optionalKey(SlurmSite),
});
export interface Settings extends Schema.Schema.Type<typeof Settings> {}
