/** The directory of one attempt, and the output that the stage leaves in it. */
import { Clock, Effect } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { namesIn } from "../../cache/diskUse.ts";
import { openDirectories, removeIfAllowed } from "../../cache/remove.ts";
import { Store } from "../../cache/Store.ts";
import { storeTrouble } from "../../cache/StoreTrouble.ts";
import { listFiles } from "../../cache/Tree.ts";
import { readSubmission } from "../../executors/Submission.ts";
import { StageFailed } from "../../stages/StageRun.ts";
import type { WorkKeys } from "../plan/Keys.ts";
import { checkpointFolder, takeOverCheckpoints } from "./checkpoints.ts";

export interface AttemptDirectory {
  /** The attempt's id, a UUID. */
  readonly id: string;
  readonly work: string;
  readonly output: string;
  readonly checkpoints: string;
  readonly log: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

const checkpoints = "checkpoints";
const noDirectory = storeTrouble("the work directory can't be created");

/**
 * The directory for the checkpoints of all attempts. Trainings that differ only in their horizon share it; other work keeps
 * them beside its attempts.
 */
export const checkpointsOf = ({ content, training }: WorkKeys) =>
  Store.use((store) =>
    Effect.succeed(
      training === undefined
        ? path.join(store.workDirectory(content), checkpoints)
        : store.checkpointDirectory(training),
    ),
  );

/**
 * Makes a new directory; of earlier attempts at this key only the checkpoints stay. An attempt whose job was submitted to a
 * cluster by a process that is gone is continued instead.
 */
export const createAttemptDirectory = Effect.fnUntraced(function* (keys: WorkKeys) {
  const store = yield* Store;
  const directory = store.workDirectory(keys.content);
  const names = yield* Effect.try({ try: () => namesIn(directory), catch: noDirectory });
  const submitted = submittedAttempt(directory, names);
  const id = submitted?.id ?? randomUUID();
  const work = path.join(directory, id);
  const everyCheckpoint = yield* checkpointsOf(keys);
  const attempt: AttemptDirectory = {
    id,
    work,
    output: path.join(work, "out"),
    checkpoints: path.join(everyCheckpoint, checkpointFolder({ content: keys.content, id })),
    log: path.join(work, "log"),
    startedAt: submitted?.at ?? (yield* Clock.currentTimeMillis),
  };
  if (submitted !== undefined) return attempt;
  yield* Effect.try({
    try: () => {
      removeEarlier(directory, names);
      fs.mkdirSync(attempt.output, { recursive: true });
      takeOverCheckpoints(everyCheckpoint, attempt.checkpoints, (other) =>
        isSubmitted(store.workDirectory(other.content), other.id),
      );
    },
    catch: noDirectory,
  });
  return attempt;
});

const isSubmitted = (directory: string, id: string): boolean =>
  readSubmission(path.join(directory, id)) !== undefined;

const submittedAttempt = (directory: string, names: ReadonlyArray<string>) => {
  for (const id of names) {
    const submission = readSubmission(path.join(directory, id));
    if (submission !== undefined) return { id, at: submission.at };
  }
  return undefined;
};

/** Every attempt has a directory of its own, so what may not be removed does no harm. */
const removeEarlier = (directory: string, names: ReadonlyArray<string>) => {
  for (const name of names) {
    if (name !== checkpoints) removeIfAllowed(path.join(directory, name));
  }
};

/** Zero at least, even when the clock was set back. */
export const secondsSince = ({ startedAt }: AttemptDirectory) =>
  Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, now - startedAt) / 1000);

/** Lists the output, which must be readable files: a pipe or a dangling link is the stage's failure, not the store's. */
export const listOutput = ({ output }: AttemptDirectory) =>
  Effect.try({
    try: () => {
      openDirectories(output);
      const listing = listFiles(output);
      for (const file of listing.files) fs.accessSync(path.join(output, file), fs.constants.R_OK);
      return listing;
    },
    catch: (cause) =>
      new StageFailed({
        message: `its output can't be stored: ${(cause as Error).message}`,
        fix: "leave only readable files and directories in the output directory",
      }),
  });
