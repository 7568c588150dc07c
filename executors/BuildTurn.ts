/**
 * A lock on building something that several processes, possibly on several hosts, want at once: a directory that its
 * owner touches every second. It only saves work. Two builders at once, after one was suspended, do no harm: each builds
 * in a directory of its own and renames it.
 */
import { Effect, Schedule } from "effect";
import fs from "node:fs";

const heartbeat = Schedule.spaced("1 second");
const silentMillis = 5_000;

/** Takes the lock unless a living process has it, and returns whether it is ours. The parent of `path` exists. */
export const takeTurn = (path: string): boolean => {
  try {
    fs.mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const touched = fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (touched !== undefined && Date.now() - touched < silentMillis) return false;
  fs.rmSync(path, { recursive: true, force: true });
  return takeTurn(path);
};

const touch = (path: string): void => {
  try {
    fs.utimesSync(path, new Date(), new Date());
  } catch {
    // another process took us for dead
  }
};

/** Keeps the lock that was taken while `work` lasts, and releases it. */
export const keepingTurn = <A, E>(path: string, work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.forkScoped(
    Effect.repeat(
      Effect.sync(() => touch(path)),
      heartbeat,
    ),
  ).pipe(
    Effect.andThen(work),
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => fs.rmSync(path, { recursive: true, force: true }))),
  );
