/** Runs tasks in the order of their dependencies, as many at once as resources allow. Knows nothing of their work. */
import { Effect, Exit, FiberSet, Queue } from "effect";
import type { Resources } from "../../stages/Stage.ts";
import { Ledger, type Outcome, type TaskGraph } from "./Ledger.ts";
import { ResourcePool } from "./ResourcePool.ts";

interface Schedule<Task, A, E, R> extends TaskGraph<Task> {
  readonly capacity: Resources;
  /** Whether tasks that don't depend on a failed one are still started. */
  readonly keepGoing: boolean;
  readonly run: (task: Task) => Effect.Effect<A | Parked, E, R>;
  /** Called on interruption, before the running tasks are interrupted. */
  readonly stopping: (running: number) => Effect.Effect<void, never, R>;
}

/** The result of a task that can't continue now: it releases its resources and restarts when `until` ends. */
export class Parked {
  readonly until: Effect.Effect<void>;

  constructor(until: Effect.Effect<void>) {
    this.until = until;
  }
}

type Message<Task, A, E> =
  | { readonly _tag: "Ended"; readonly task: Task; readonly exit: Exit.Exit<A | Parked, E> }
  | { readonly _tag: "Unparked"; readonly task: Task };

export const schedule = <Task, A, E, R>(
  options: Schedule<Task, A, E, R>,
): Effect.Effect<Outcome<Task, A, E>, never, R> => {
  let running = 0;
  return Effect.scoped(
    Effect.gen(function* () {
      const ledger = new Ledger<Task, A, E>(options);
      const pool = new ResourcePool(options.capacity);
      const messages = yield* Queue.unbounded<Message<Task, A, E>>();
      const fibers = yield* FiberSet.make();
      let parked = 0;

      const start = (task: Task) => {
        running += 1;
        const ended = (exit: Exit.Exit<A | Parked, E>) =>
          Queue.offer(messages, { _tag: "Ended", task, exit });
        return FiberSet.run(fibers, Effect.flatMap(Effect.exit(options.run(task)), ended));
      };
      const park = (task: Task, until: Effect.Effect<void>) => {
        parked += 1;
        const unparked = Queue.offer(messages, { _tag: "Unparked", task });
        return FiberSet.run(fibers, Effect.andThen(until, unparked));
      };

      for (;;) {
        const mayStart = ledger.failed.size === 0 || options.keepGoing;
        pool.newRound();
        if (mayStart)
          for (const task of ledger.start((each) => pool.admit(options.demandOf(each))))
            yield* start(task);
        if (running === 0 && (parked === 0 || !mayStart)) return ledger.close();
        const message = yield* Queue.take(messages);
        if (message._tag === "Unparked") {
          parked -= 1;
          ledger.restart(message.task);
          continue;
        }
        const { task, exit } = message;
        running -= 1;
        pool.release(options.demandOf(task));
        if (Exit.isSuccess(exit) && exit.value instanceof Parked)
          yield* park(task, exit.value.until);
        else ledger.settle(task, exit as Exit.Exit<A, E>);
      }
    }).pipe(Effect.onInterrupt(() => options.stopping(running))),
  );
};
