/** Runs tasks in the order of their dependencies, as many at once as there are slots. Knows nothing of what they do. */
import { Cause, Effect, Exit, FiberSet, Queue } from "effect";

interface Schedule<Task, A, E, R> {
  /** Every task after those it depends on. */
  readonly tasks: ReadonlyArray<Task>;
  readonly dependenciesOf: (task: Task) => ReadonlyArray<Task>;
  /** Slots that a task takes; one that asks for more than there are takes them all. */
  readonly slotsOf: (task: Task) => number;
  readonly slots: number;
  /** Whether tasks that don't depend on a failed one are still started. */
  readonly keepGoing: boolean;
  readonly run: (task: Task) => Effect.Effect<A, E, R>;
  /** Called when the schedule is interrupted, before the tasks still running are. */
  readonly stopping: (running: number) => Effect.Effect<void, never, R>;
}

export interface Outcome<Task, A, E> {
  readonly done: ReadonlyMap<Task, A>;
  readonly failed: ReadonlyMap<Task, Cause.Cause<E>>;
  /** Tasks never started, each with the failed task that stopped it. */
  readonly skipped: ReadonlyMap<Task, Task>;
}

export const schedule = <Task, A, E, R>(
  options: Schedule<Task, A, E, R>,
): Effect.Effect<Outcome<Task, A, E>, never, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const done = new Map<Task, A>();
      const failed = new Map<Task, Cause.Cause<E>>();
      const skipped = new Map<Task, Task>();
      const waitingFor = new Map(
        options.tasks.map((task) => [task, new Set(options.dependenciesOf(task)).size]),
      );
      const dependents = invert(options.tasks, options.dependenciesOf);
      const ready = options.tasks.filter((task) => waitingFor.get(task) === 0);
      const finished = yield* Queue.unbounded<readonly [Task, Exit.Exit<A, E>]>();
      const fibers = yield* FiberSet.make();
      const cost = (task: Task) => Math.min(options.slotsOf(task), options.slots);
      let started = 0;
      let free = options.slots;
      let running = 0;

      const start = Effect.fnUntraced(function* (task: Task) {
        free -= cost(task);
        running += 1;
        yield* FiberSet.run(
          fibers,
          Effect.exit(options.run(task)).pipe(
            Effect.flatMap((exit) => Queue.offer(finished, [task, exit] as const)),
          ),
        );
      });

      const skipDependents = (failure: Task) => {
        const reached = [failure];
        for (let task = reached.pop(); task !== undefined; task = reached.pop()) {
          for (const dependent of dependents.get(task) ?? []) {
            if (skipped.has(dependent)) continue;
            skipped.set(dependent, failure);
            reached.push(dependent);
          }
        }
      };

      const settle = (task: Task, exit: Exit.Exit<A, E>) => {
        if (Exit.isFailure(exit)) {
          failed.set(task, exit.cause);
          skipDependents(task);
          return;
        }
        done.set(task, exit.value);
        for (const dependent of dependents.get(task) ?? []) {
          const left = (waitingFor.get(dependent) ?? 0) - 1;
          waitingFor.set(dependent, left);
          if (left === 0) ready.push(dependent);
        }
      };

      for (;;) {
        const mayStart = failed.size === 0 || options.keepGoing;
        for (
          let next = ready[started];
          mayStart && next !== undefined && cost(next) <= free;
          next = ready[started]
        ) {
          started += 1;
          yield* start(next);
        }
        if (running === 0) break;
        const [task, exit] = yield* Queue.take(finished).pipe(
          Effect.onInterrupt(() => options.stopping(running)),
        );
        running -= 1;
        free += cost(task);
        settle(task, exit);
      }
      const [firstFailed] = failed.keys();
      if (firstFailed !== undefined) {
        for (const task of options.tasks) {
          if (!done.has(task) && !failed.has(task) && !skipped.has(task))
            skipped.set(task, firstFailed);
        }
      }
      return { done, failed, skipped };
    }),
  );

const invert = <Task>(
  tasks: ReadonlyArray<Task>,
  dependenciesOf: (task: Task) => ReadonlyArray<Task>,
): ReadonlyMap<Task, ReadonlyArray<Task>> => {
  const dependents = new Map<Task, Array<Task>>();
  for (const task of tasks) {
    for (const dependency of new Set(dependenciesOf(task))) {
      const known = dependents.get(dependency);
      if (known === undefined) dependents.set(dependency, [task]);
      else known.push(task);
    }
  }
  return dependents;
};
