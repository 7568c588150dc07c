/** Where the engine tells what happens: the run's log and whoever looks on. */
import { Clock, Context, Effect } from "effect";
import type { Event } from "../schemas/Event.ts";

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** An event before it has its time. */
export type Happening = DistributiveOmit<Event, "at">;

export class Events extends Context.Service<
  Events,
  {
    /** Never fails: what can't be shown must not stop the work. */
    readonly publish: (event: Event) => Effect.Effect<void>;
  }
>()("pipe/Events") {}

/** Stamps and publishes. */
export const tell = (happening: Happening): Effect.Effect<void, never, Events> =>
  Effect.gen(function* () {
    const events = yield* Events;
    const millis = yield* Clock.currentTimeMillis;
    yield* events.publish({ ...happening, at: new Date(millis).toISOString() } as Event);
  });
