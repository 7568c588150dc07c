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
      const ledger = new Ledger<Task, A, E>(options.tasks, options.dependenciesOf);
      const finished = yield* Queue.unbounded<readonly [Task, Exit.Exit<A, E>]>();
      const fibers = yield* FiberSet.make();
      const cost = (task: Task) => Math.min(options.slotsOf(task), options.slots);
      let free = options.slots;
      let running = 0;

      const start = Effect.fnUntraced(function* (task: Task) {
        free -= cost(task);
        running += 1;
        const tellEnd = (exit: Exit.Exit<A, E>) => Queue.offer(finished, [task, exit] as const);
        yield* FiberSet.run(fibers, Effect.flatMap(Effect.exit(options.run(task)), tellEnd));
      });

      for (;;) {
        const mayStart = ledger.failed.size === 0 || options.keepGoing;
        let next = ledger.next;
        while (mayStart && next !== undefined && cost(next) <= free) {
          ledger.begin();
          yield* start(next);
          next = ledger.next;
        }
        if (running === 0) return ledger.close();
        const [task, exit] = yield* Queue.take(finished).pipe(
          Effect.onInterrupt(() => options.stopping(running)),
        );
        running -= 1;
        free += cost(task);
        ledger.settle(task, exit);
      }
    }),
  );

/** Which tasks wait, may begin, are done, have failed or will never begin: bookkeeping without effects. */
class Ledger<Task, A, E> implements Outcome<Task, A, E> {
  readonly done = new Map<Task, A>();
  readonly failed = new Map<Task, Cause.Cause<E>>();
  readonly skipped = new Map<Task, Task>();
  private readonly tasks: ReadonlyArray<Task>;
  private readonly dependents: ReadonlyMap<Task, ReadonlyArray<Task>>;
  private readonly waitingFor: Map<Task, number>;
  /** Tasks that wait for none, in the order in which that became so; the first `begun` of them have begun. */
  private readonly ready: Array<Task>;
  private begun = 0;

  constructor(tasks: ReadonlyArray<Task>, dependenciesOf: (task: Task) => ReadonlyArray<Task>) {
    this.tasks = tasks;
    this.dependents = invert(tasks, dependenciesOf);
    this.waitingFor = new Map(tasks.map((task) => [task, new Set(dependenciesOf(task)).size]));
    this.ready = tasks.filter((task) => this.waitingFor.get(task) === 0);
  }

  /** The task whose turn it is, if any may begin. */
  get next(): Task | undefined {
    return this.ready[this.begun];
  }

  begin() {
    this.begun += 1;
  }

  settle(task: Task, exit: Exit.Exit<A, E>) {
    if (Exit.isFailure(exit)) {
      this.failed.set(task, exit.cause);
      this.skipDependents(task);
      return;
    }
    this.done.set(task, exit.value);
    for (const dependent of this.dependents.get(task) ?? []) {
      const left = (this.waitingFor.get(dependent) ?? 0) - 1;
      this.waitingFor.set(dependent, left);
      if (left === 0) this.ready.push(dependent);
    }
  }

  /** The outcome; what has not begun because of a failure elsewhere is skipped for the first of them. */
  close(): Outcome<Task, A, E> {
    const [failure] = this.failed.keys();
    if (failure !== undefined) {
      for (const task of this.tasks) {
        const settled = this.done.has(task) || this.failed.has(task) || this.skipped.has(task);
        if (!settled) this.skipped.set(task, failure);
      }
    }
    return this;
  }

  private skipDependents(failure: Task) {
    const reached = [failure];
    for (let task = reached.pop(); task !== undefined; task = reached.pop()) {
      for (const dependent of this.dependents.get(task) ?? []) {
        if (this.skipped.has(dependent)) continue;
        this.skipped.set(dependent, failure);
        reached.push(dependent);
      }
    }
  }
}

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
