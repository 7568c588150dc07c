/** Reads a file's lines while their writer runs. */
import { type Duration, Effect, Schedule } from "effect";
import type { LineFollower } from "./LineFollower.ts";

/** Calls `tell` with each line while `running` lasts, and with the remaining ones however it ends. */
export const whileFollowing = <A, E>(
  follower: LineFollower,
  tell: (line: string) => Effect.Effect<void>,
  running: Effect.Effect<A, E>,
  pause: Duration.Input = "100 millis",
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const tellAll = (lines: ReadonlyArray<string>) =>
      Effect.forEach(lines, tell, { discard: true });
    // Uninterruptible: the follower gives each line only once.
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
    return Effect.forkScoped(Effect.repeat(tellNew, Schedule.spaced(pause))).pipe(
      Effect.andThen(running),
      Effect.scoped,
      Effect.ensuring(tellRest),
    );
  });
