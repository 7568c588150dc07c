/** The sink of a run's events: its log on disk and the view. */
import { Clock, Context, Effect } from "effect";
import type { Event } from "../../schemas/Event.ts";

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** An event without its time. */
export type UntimedEvent = DistributiveOmit<Event, "at">;

export class Events extends Context.Service<
  Events,
  {
    /** Never fails: an event that can't be shown must not stop the run. */
    readonly publish: (event: Event) => Effect.Effect<void>;
  }
>()("pipe/Events") {}

/** Publishes an event with the current time. */
export const publish = (event: UntimedEvent): Effect.Effect<void, never, Events> =>
  Effect.gen(function* () {
    const events = yield* Events;
    const millis = yield* Clock.currentTimeMillis;
    yield* events.publish({ ...event, at: new Date(millis).toISOString() } as Event);
  });
