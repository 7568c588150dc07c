/** Long synchronous loops that yield to the event loop, for interrupts and other nodes. */
import { Effect } from "effect";

const millisPerTurn = 40;

/** Calls `each` for 0 … count − 1, and `progress` once a turn and at the end. */
export const inTurns = (
  count: number,
  each: (index: number) => void,
  progress: (done: number) => Effect.Effect<void>,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let index = 0; index < count;) {
      const until = performance.now() + millisPerTurn;
      while (index < count && performance.now() < until) each(index++);
      yield* progress(index);
      // Timers and signals are macrotasks, so a microtask is not enough.
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)));
    }
  });
