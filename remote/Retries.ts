/**
 * Repeats requests whose failure may pass, with growing pauses and jitter. A pause that the server asks for holds for all
 * requests of an instance.
 */
import { Clock, Data, Effect } from "effect";

export const tries = 8;
const firstPauseMillis = 1000;
const longestPauseMillis = 60_000;

/** A failure that may pass. Failures of a `kind` differ only in details. */
export class RequestFailed extends Data.TaggedError("RequestFailed")<{
  readonly kind: string;
  readonly message: string;
  /** The pause that the server asks for. */
  readonly waitSeconds: number;
}> {}

export class Retries {
  private readonly onFailure: (failure: RequestFailed) => Effect.Effect<void>;
  private closedUntil = 0;

  constructor(onFailure: (failure: RequestFailed) => Effect.Effect<void>) {
    this.onFailure = onFailure;
  }

  /** Fails with the last of `tries` failures. */
  readonly run = <A, E>(request: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    this.attempt(request, 1, firstPauseMillis);

  private attempt<A, E>(
    request: Effect.Effect<A, E>,
    number: number,
    pauseMillis: number,
  ): Effect.Effect<A, E> {
    return this.whenOpen().pipe(
      Effect.andThen(request),
      Effect.catch((failure) =>
        failure instanceof RequestFailed
          ? Effect.gen({ self: this }, function* () {
              yield* this.onFailure(failure);
              if (number === tries) return yield* Effect.fail(failure);
              const now = yield* Clock.currentTimeMillis;
              this.closedUntil = Math.max(this.closedUntil, now + 1000 * failure.waitSeconds);
              // Jitter, so that requests that failed together are not repeated together.
              yield* Effect.sleep(pauseMillis * (0.5 + Math.random() / 2));
              const next = Math.min(2 * pauseMillis, longestPauseMillis);
              return yield* this.attempt(request, number + 1, next);
            })
          : Effect.fail(failure),
      ),
    );
  }

  private whenOpen(): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      this.closedUntil > now
        ? Effect.sleep(this.closedUntil - now + Math.random() * firstPauseMillis)
        : Effect.void,
    );
  }
}
