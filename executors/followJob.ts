/** Reports everything of a job while it runs: the events that it writes, and what its executor says of it. */
import { type Duration, Effect, Queue } from "effect";
import { decodeJobEvent, type JobEvent } from "../schemas/Job.ts";
import type { OnJobEvent } from "./Executor.ts";
import type { LineFollower } from "./LineFollower.ts";
import { whileFollowing } from "./whileFollowing.ts";

export interface JobSources {
  /** Follows the job's `events.jsonl`. */
  readonly follower: LineFollower;
  /** Messages of the executor: reasons to wait, warnings. */
  readonly news: Queue.Queue<JobEvent>;
  readonly pause?: Duration.Input;
}

/** Lasts as long as `running`. Everything has been reported by then, however it ends. */
export const followJob = <A, E>(
  { follower, news, pause }: JobSources,
  onEvent: OnJobEvent,
  running: Effect.Effect<A, E>,
): Effect.Effect<A, E> => {
  const tellLine = (line: string) => onEvent(decodeJobEvent(line));
  const tellNews = Effect.flatMap(Queue.clear(news), (events) =>
    Effect.forEach(events, onEvent, { discard: true }),
  );
  return Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(news), onEvent))).pipe(
    Effect.andThen(whileFollowing(follower, tellLine, running, pause)),
    Effect.ensuring(tellNews),
    Effect.scoped,
  );
};
