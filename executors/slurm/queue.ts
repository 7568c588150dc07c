/** Reads the answers of Slurm's queue, and explains them. Pure. */
import { type Job, type JobError, JobKilled, JobLost } from "../Executor.ts";
import { type Submission, submissionText } from "../Submission.ts";

/** The format of `squeue`: name, index in the array, id of the array, state, reason, nodes. */
export const queueFormat = "%j|%K|%F|%T|%r|%N";

export interface QueuedTask {
  readonly array: string;
  readonly state: string;
  readonly reason: string;
  readonly node: string;
}

export const taskKey = ({ name, task }: Pick<Submission, "name" | "task">): string =>
  `${name} ${task}`;

/** The tasks by `taskKey`. Lines of other forms, such as warnings, are skipped. */
export const readQueue = (text: string): ReadonlyMap<string, QueuedTask> =>
  new Map(
    text.split("\n").flatMap((line) => {
      const [name = "", task = "", array = "", state, reason = "", node = ""] = line.split("|");
      if (state === undefined || !/^\d+$/u.test(task)) return [];
      return [[taskKey({ name, task: Number(task) }), { array, state, reason, node }] as const];
    }),
  );

const overStates =
  /^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|BOOT_FAIL|DEADLINE|REVOKED)/u;

/** Every other state, also one that this program does not know, is a sign of life. */
export const isOver = ({ state }: QueuedTask): boolean => overStates.test(state);

/** Slurm has stopped its processes, and continues them later. */
export const isPaused = ({ state }: QueuedTask): boolean => /^(SUSPENDED|STOPPED)/u.test(state);

/** A pending task with one of these reasons never starts. */
const hopelessReasons = /DependencyNeverSatisfied|launch.failed.requeued.held|BadConstraints/iu;

export const isHopeless = ({ state, reason }: QueuedTask): boolean =>
  state === "PENDING" && hopelessReasons.test(reason);

/** A waiting task's reason as a sentence; undefined for a task that does not wait. */
export const waitingText = ({ state, reason, array }: QueuedTask): string | undefined => {
  if (state !== "PENDING" || reason === "None") return undefined;
  const held = reason.startsWith("JobHeld") ? `; to release it: scontrol release ${array}` : "";
  return `pending in Slurm, job ${array} (${reason}${held})`;
};

/** How far a task came by its own files: not begun, begun, or told to stop and stopped. */
type Life = "none" | "started" | "stopped";

/** The error of a task that is over, or will never start, and left no result. */
export const lossOf = (
  job: Job,
  submission: Submission,
  seen: QueuedTask | undefined,
  life: Life,
): JobError => {
  const what = submissionText(submission);
  const on = seen?.node ? ` on ${seen.node}` : "";
  const lost = (message: string, fix: string) => new JobLost({ job: job.id, message, fix });
  const killed = (message: string, fix: string) => new JobKilled({ job: job.id, message, fix });
  const again = "run the same command again, which continues from the last checkpoint";
  switch (seen === undefined ? "" : (overStates.exec(seen.state)?.[0] ?? seen.state)) {
    case "OUT_OF_MEMORY":
      return killed(
        `${what} ran out of memory${on}`,
        "raise `resources: { memory: … }` of its stage",
      );
    case "TIMEOUT":
      return lost(`${what} reached the cluster's time limit`, `raise \`slurm.time\`, or ${again}`);
    case "DEADLINE":
      return killed(`${what} passed its deadline`, "remove the deadline from `slurm.flags`");
    case "CANCELLED":
      return killed(`${what} was cancelled by somebody (scancel)`, again);
    case "PREEMPTED":
      return lost(`${what} was preempted${on}`, again);
    case "NODE_FAIL":
    case "BOOT_FAIL":
      return lost(`${what} lost its node${on}`, `look at the node (sinfo -R), then ${again}`);
    case "PENDING":
      return killed(
        `${what} can never start: ${seen?.reason}`,
        "compare `slurm` in pipe.yaml with the cluster (sinfo, scontrol show partition)",
      );
    case "FAILED":
    case "COMPLETED":
      if (life === "stopped")
        return lost(
          `${what} was told to stop${on}, near its time limit or by somebody's signal`,
          `raise \`slurm.time\`, or ${again}`,
        );
      return life === "started"
        ? lost(`${what} was killed${on} and left no result`, again)
        : lost(
            `${what} could not begin${on}: the node may not see ${job.directory}`,
            "check with `pipe doctor --executor slurm` that nodes see the project, the store and Python; slurm.log there may say more",
          );
    default:
      return lost(`${what} is no longer known to Slurm and left no result`, again);
  }
};

/** Failures of Slurm's commands after which the request may have been carried out, or may be later. */
export const isTemporary = (message: string): boolean =>
  /timed out|unable to contact|temporarily|connection refused|zero bytes|communication|try again/iu.test(
    message,
  );
