/** Reads the files that a job leaves in its directory on a node: `end.json` and `heartbeat`, see `slurm_job.py`. */
import { Duration, Exit, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { type Job, type JobEnd, type JobError, JobNotStarted, JobTimedOut } from "../Executor.ts";

const EndFile = Schema.Struct({
  failed: Schema.NullOr(Schema.String),
  fix: Schema.NullOr(Schema.String),
  timedOut: Schema.Boolean,
  /** It was told to stop by a signal. */
  stopped: Schema.Boolean,
  exit: Schema.optionalKey(Schema.Int),
  signal: Schema.optionalKey(Schema.NullOr(Schema.String)),
  wall: Schema.optionalKey(Schema.Finite),
  cpu: Schema.optionalKey(Schema.Finite),
  rss: Schema.optionalKey(Schema.Finite),
  /** Regular files that the job left: its result, events and log, and all in folders. */
  left: Schema.Struct({ files: Schema.Int, bytes: Schema.Int }),
  /** Facts about the node; see `machine_facts.py`. */
  machine: Schema.Record(Schema.String, Schema.String),
});
export interface EndFile extends Schema.Schema.Type<typeof EndFile> {}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(EndFile));

/** Listed first: over NFS a file that was looked for in vain stays missing for half a minute, a listing does not. */
export const readEnd = (directory: string): EndFile | undefined => {
  try {
    if (!fs.readdirSync(directory).includes("end.json")) return undefined;
    return decode(fs.readFileSync(path.join(directory, "end.json"), "utf8"));
  } catch {
    return undefined; // not all there yet
  }
};

/** True once this machine sees all that the job left: a shared file system may show `end.json` before the rest. */
export const showsAll = ({ directory }: Job, { left }: EndFile): boolean => {
  const seen = { files: 0, bytes: 0 };
  const count = (folder: string): void => {
    for (const entry of entriesOf(folder)) {
      const target = path.join(folder, entry.name);
      if (entry.isDirectory()) count(target);
      else if (entry.isFile() && (folder !== directory || jobFiles.includes(entry.name))) {
        const size = sizeOf(target);
        if (size === undefined) continue;
        seen.files += 1;
        seen.bytes += size;
      }
    }
  };
  count(directory);
  return seen.files >= left.files && seen.bytes >= left.bytes;
};

/** As in `slurm_job.py`. */
const jobFiles: ReadonlyArray<string> = ["events.jsonl", "log", "result.json"];

/** Undefined for a file that is gone, or below a folder that may be listed and not entered. */
const sizeOf = (file: string): number | undefined => {
  try {
    return fs.statSync(file).size;
  } catch {
    return undefined;
  }
};

/** None of a folder that may not be read: the node could not count its files either. */
const entriesOf = (folder: string): ReadonlyArray<fs.Dirent> => {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
};

/** The time of the last heartbeat; undefined before the job begins. */
export const heartbeatOf = ({ directory }: Job): number | undefined =>
  fs.statSync(path.join(directory, "heartbeat"), { throwIfNoEntry: false })?.mtimeMs;

/** True where Slurm's state may explain the end better than the file does. */
export const needsReason = ({ failed, stopped, timedOut, signal }: EndFile): boolean =>
  failed === null && !timedOut && (stopped || signal === "SIGKILL");

export const outcomeOf = (job: Job, end: EndFile): Exit.Exit<JobEnd, JobError> => {
  if (end.timedOut)
    return Exit.fail(
      new JobTimedOut({
        job: job.id,
        message: `stopped after ${Duration.format(job.timeout ?? Duration.zero)}, its time limit`,
        fix: "raise its `timeout`, or look at the end of its log",
      }),
    );
  if (end.failed !== null)
    return Exit.fail(
      new JobNotStarted({
        job: job.id,
        message: `\`${job.command[0]}\` could not be started on the node: ${end.failed}`,
        fix: end.fix ?? "check that compute nodes see the program, the project and the store",
      }),
    );
  return Exit.succeed({
    exitCode: end.exit ?? 1,
    ...(end.signal == null ? {} : { signal: end.signal }),
    wallSeconds: end.wall ?? 0,
    cpuSeconds: end.cpu ?? 0,
    maxRssBytes: end.rss ?? 0,
  });
};
