/**
 * The record of a job that was handed to a scheduler, in the job's directory. It is written before the scheduler is asked,
 * so that a process that takes the job over finds it, and never submits it twice.
 */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { JobNotStarted, type Job } from "./Executor.ts";
import { writeAtomically } from "./writeAtomically.ts";

export const Submission = Schema.Struct({
  executor: Schema.Literal("slurm"),
  /** The scheduler's name for the batch; unique. */
  name: Schema.String,
  /** The job's place in the batch. */
  task: Schema.Int,
  /** The scheduler's id of the batch; absent until the scheduler has answered. */
  id: Schema.optionalKey(Schema.String),
  /** Milliseconds since the epoch. */
  at: Schema.Finite,
  /** Length of the job's events before it was submitted, in bytes. */
  eventsFrom: Schema.Int,
});
export interface Submission extends Schema.Schema.Type<typeof Submission> {}

const fileName = "submission.json";
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Submission));

/** Undefined where there is no record, or none that can be read. */
export const readSubmission = (directory: string): Submission | undefined => {
  const file = path.join(directory, fileName);
  // Most jobs have none, and an exception costs ten times as much as the answer.
  if (!fs.existsSync(file)) return undefined;
  try {
    return decode(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
};

export const writeSubmission = (directory: string, submission: Submission): void =>
  writeAtomically(path.join(directory, fileName), JSON.stringify(submission));

/** From now on nobody attaches to the job, and a program that did not start yet does not start. */
export const removeSubmission = (directory: string): void =>
  fs.rmSync(path.join(directory, fileName), { force: true });

/** `Slurm job 17_3`, for messages. */
export const submissionText = ({ name, id, task }: Submission): string =>
  id === undefined ? `the Slurm job named ${name}, task ${task}` : `Slurm job ${id}_${task}`;

export const submittedElsewhere = (job: Job, submission: Submission): JobNotStarted =>
  new JobNotStarted({
    job: job.id,
    message: `${submissionText(submission)} is at work on this node`,
    fix: `run the same command with --executor slurm to follow it, or end it: scancel --name=${submission.name}`,
  });
