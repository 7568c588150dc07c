/** Something runs, and writes lines to a file meanwhile. */
import { Effect, Schedule } from "effect";
import { LineFollower } from "./LineFollower.ts";

const POLL = Schedule.spaced("100 millis");

/** Tells the lines as they come, and all that are left once `running` is over, whichever way it ends. */
export const whileFollowing = <A, E>(
  path: string,
  tell: (line: string) => Effect.Effect<void>,
  running: Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const follower = new LineFollower(path);
    const tellAll = (lines: ReadonlyArray<string>) =>
      Effect.forEach(lines, tell, { discard: true });
    // Uninterruptible: a line that has been read must be told.
    const tellNew = Effect.uninterruptible(
      Effect.gen(function* () {
        for (let lines = follower.read(); lines.length > 0; lines = follower.read())
          yield* tellAll(lines);
      }),
    );
    const tellRest = Effect.andThen(
      tellNew,
      Effect.suspend(() => tellAll(follower.rest())),
    );
    return Effect.forkScoped(Effect.repeat(tellNew, POLL)).pipe(
      Effect.andThen(running),
      Effect.scoped,
      Effect.ensuring(tellRest),
    );
  });
