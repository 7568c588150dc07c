/**
 * The checkpoints of an attempt lie in a directory of its own, `<content key>.<attempt>`, beside those of other attempts at
 * the same training. An attempt takes over what earlier ones left, so a job that lost contact and runs on finds its directory
 * gone: it can't overwrite, or delete from, the checkpoints of its successor.
 */
import fs from "node:fs";
import path from "node:path";
import { namesIn } from "../../cache/diskUse.ts";
import { isForbidden, removeIfAllowed } from "../../cache/remove.ts";
import type { Digest } from "../../schemas/Digest.ts";

export interface AttemptName {
  readonly content: Digest;
  readonly id: string;
}

export const checkpointFolder = ({ content, id }: AttemptName): string => `${content}.${id}`;

const attemptOf = (folder: string): AttemptName | undefined => {
  const [, content, id] = /^([0-9a-f]{64})\.([0-9a-f-]{36})$/u.exec(folder) ?? [];
  return content === undefined || id === undefined ? undefined : { content: content as Digest, id };
};

/** Checkpoints have the number of their step in their name; verl's lie one folder deeper. A hidden file is an unfinished write. */
export const checkpointNames = (directory: string): ReadonlyArray<string> =>
  visibleNames(directory).flatMap((name) =>
    hasNumber(name)
      ? [name]
      : visibleNames(path.join(directory, name))
          .filter(hasNumber)
          .map((inner) => `${name}/${inner}`),
  );

/**
 * The work that an attempt leaves for a later one: checkpoints, or answers of a model that are written as they come. Folders
 * without a checkpoint, such as verl's logs, are of no use.
 */
export const leftIn = (directory: string): "checkpoints" | "answers" | "nothing" => {
  if (checkpointNames(directory).length > 0) return "checkpoints";
  const hasAnswers = visibleNames(directory).some((name) => isAnswers(path.join(directory, name)));
  return hasAnswers ? "answers" : "nothing";
};

const isAnswers = (file: string): boolean => file.endsWith(".jsonl") && fs.statSync(file).size > 0;

const hasNumber = (name: string): boolean => /\d/u.test(name);

const visibleNames = (directory: string): ReadonlyArray<string> =>
  namesIn(directory).filter((name) => !name.startsWith("."));

/**
 * Moves the checkpoints of earlier attempts from `parent` into the directory `own`. An attempt whose job is at work, such as
 * a shorter training on a cluster, keeps its own: they are linked. Files without a folder are of an earlier `pipe`.
 */
export const takeOverCheckpoints = (
  parent: string,
  own: string,
  isAtWork: (attempt: AttemptName) => boolean,
): void => {
  for (const name of namesIn(parent)) {
    const from = path.join(parent, name);
    const attempt = attemptOf(name);
    if (from === own) continue;
    fs.mkdirSync(own, { recursive: true });
    if (attempt === undefined) fs.renameSync(from, path.join(own, name));
    else if (isAtWork(attempt)) eachNew(from, own, linkCheckpoint);
    else {
      eachNew(from, own, fs.renameSync);
      removeIfAllowed(from);
    }
  }
};

/**
 * The checkpoints of a finished training but that of its last step, from which more steps continue. While a training goes on,
 * the ones before it are there in case it is damaged; so later ones, which a longer training left, stay.
 */
export const olderCheckpoints = (directory: string, lastStep: number): ReadonlyArray<string> =>
  checkpointNames(directory)
    .filter((name) => stepIn(name) <= lastStep)
    .toSorted((one, other) => stepIn(one) - stepIn(other))
    .slice(0, -1)
    .map((name) => path.join(directory, name));

const stepIn = (name: string): number => Number(/(\d+)\D*$/u.exec(name)?.[1]);

/** Equal names are the same step of the same training. */
const eachNew = (from: string, to: string, take: (from: string, to: string) => void): void => {
  for (const name of namesIn(from)) {
    const target = path.join(to, name);
    if (fs.existsSync(target)) continue;
    try {
      take(path.join(from, name), target);
    } catch (error) {
      // its job deleted or renamed it meanwhile, or it is another user's
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" && !isForbidden(error)) throw error;
    }
  }
};

/**
 * Hard links to a file, or to the files of a checkpoint that is a directory. Other directories, such as verl's, also hold
 * files that the job at work overwrites, and are left to it.
 */
const linkCheckpoint = (from: string, to: string): void => {
  if (!fs.statSync(from).isDirectory()) return fs.linkSync(from, to);
  const name = path.basename(to);
  if (!hasNumber(name)) return;
  const unfinished = path.join(path.dirname(to), `.${name}`);
  try {
    linkTree(from, unfinished);
    fs.renameSync(unfinished, to);
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
};

const linkTree = (from: string, to: string): void => {
  fs.mkdirSync(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const link = entry.isDirectory() ? linkTree : fs.linkSync;
    link(path.join(from, entry.name), path.join(to, entry.name));
  }
};
