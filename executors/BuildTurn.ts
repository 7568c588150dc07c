/**
 * Whose turn it is to make something that several processes want at once, possibly on several hosts: a directory that
 * its owner touches every second. It saves work and no more: a process that was suspended and overtaken does no harm,
 * because what is made is made elsewhere and put in its place by a rename.
 */
import { Effect, Schedule } from "effect";
import { mkdirSync, rmSync, statSync, utimesSync } from "node:fs";

const HEARTBEAT = Schedule.spaced("1 second");
const SILENT_MILLIS = 5_000;

/** Takes the turn if nobody alive has it, and says whether it is ours. `path` is in a directory that exists. */
export const takeTurn = (path: string): boolean => {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (touched !== undefined && Date.now() - touched < SILENT_MILLIS) return false;
  rmSync(path, { recursive: true, force: true });
  return takeTurn(path);
};

const touch = (path: string): void => {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // somebody took us for dead
  }
};

/** Keeps the turn that was taken while `work` lasts, and gives it back. */
export const keepingTurn = <A, E>(path: string, work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.forkScoped(
    Effect.repeat(
      Effect.sync(() => touch(path)),
      HEARTBEAT,
    ),
  ).pipe(
    Effect.andThen(work),
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => rmSync(path, { recursive: true, force: true }))),
  );
