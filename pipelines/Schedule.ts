/** Runs tasks in the order of their dependencies, as many at once as there is room for. Knows nothing of what they do. */
import { Cause, Effect, Exit, FiberSet, Queue } from "effect";
import type { Resources } from "../stages/Stage.ts";

interface Schedule<Task, A, E, R> {
  /** Every task after those it depends on. */
  readonly tasks: ReadonlyArray<Task>;
  readonly dependenciesOf: (task: Task) => ReadonlyArray<Task>;
  /** What a task takes; of what there is less of than it asks for, it takes all. */
  readonly demandOf: (task: Task) => Resources;
  readonly capacity: Resources;
  /** Whether tasks that don't depend on a failed one are still started. */
  readonly keepGoing: boolean;
  readonly run: (task: Task) => Effect.Effect<A | Parked, E, R>;
  /** Called when the schedule is interrupted, before the tasks still running are. */
  readonly stopping: (running: number) => Effect.Effect<void, never, R>;
}

/** A task that can't go on yet: it makes room for others until `until` ends, and then begins anew. */
export class Parked {
  readonly until: Effect.Effect<void>;

  constructor(until: Effect.Effect<void>) {
    this.until = until;
  }
}

export interface Outcome<Task, A, E> {
  readonly done: ReadonlyMap<Task, A>;
  readonly failed: ReadonlyMap<Task, Cause.Cause<E>>;
  /** Tasks never started, each with the failed task that stopped it. */
  readonly skipped: ReadonlyMap<Task, Task>;
}

type News<Task, A, E> =
  | { readonly _tag: "Ended"; readonly task: Task; readonly exit: Exit.Exit<A | Parked, E> }
  | { readonly _tag: "Unparked"; readonly task: Task };

export const schedule = <Task, A, E, R>(
  options: Schedule<Task, A, E, R>,
): Effect.Effect<Outcome<Task, A, E>, never, R> => {
  let running = 0;
  return Effect.scoped(
    Effect.gen(function* () {
      const ledger = new Ledger<Task, A, E>(options);
      const room = new Room(options.capacity);
      const news = yield* Queue.unbounded<News<Task, A, E>>();
      const fibers = yield* FiberSet.make();
      let parked = 0;

      const start = (task: Task) => {
        running += 1;
        const ended = (exit: Exit.Exit<A | Parked, E>) =>
          Queue.offer(news, { _tag: "Ended", task, exit });
        return FiberSet.run(fibers, Effect.flatMap(Effect.exit(options.run(task)), ended));
      };
      const park = (task: Task, until: Effect.Effect<void>) => {
        parked += 1;
        return FiberSet.run(
          fibers,
          Effect.andThen(until, Queue.offer(news, { _tag: "Unparked", task })),
        );
      };

      for (;;) {
        const mayStart = ledger.failed.size === 0 || options.keepGoing;
        room.newRound();
        if (mayStart)
          for (const task of ledger.begin((each) => room.take(options.demandOf(each))))
            yield* start(task);
        if (running === 0 && (parked === 0 || !mayStart)) return ledger.close();
        const heard = yield* Queue.take(news);
        if (heard._tag === "Unparked") {
          parked -= 1;
          ledger.again(heard.task);
          continue;
        }
        const { task, exit } = heard;
        running -= 1;
        room.giveBack(options.demandOf(task));
        if (Exit.isSuccess(exit) && exit.value instanceof Parked)
          yield* park(task, exit.value.until);
        else ledger.settle(task, exit as Exit.Exit<A, E>);
      }
    }).pipe(Effect.onInterrupt(() => options.stopping(running))),
  );
};

/** What is free, and what, within a round of asking, is kept for tasks that wait for it. */
class Room {
  private readonly capacity: Resources;
  private free: Resources;
  private kept: Resources = nothing;

  constructor(capacity: Resources) {
    this.capacity = capacity;
    this.free = capacity;
  }

  newRound() {
    this.kept = nothing;
  }

  /**
   * Takes what a task asks for, if it is there. What a task waits for is kept for it, so that smaller ones coming later
   * can't starve it, while what it does not lack is free for others. `full` says that nobody else needs to ask.
   */
  take(demand: Resources): "taken" | "waits" | "full" {
    const wanted = smaller(demand, this.capacity);
    const open = minus(this.free, this.kept);
    if (each((name) => wanted[name] <= open[name] || wanted[name] === 0)) {
      this.free = minus(this.free, wanted);
      return "taken";
    }
    this.kept = ofEach((name) => (wanted[name] > open[name] ? this.free[name] : this.kept[name]));
    return this.free.cpus - this.kept.cpus <= 0 ? "full" : "waits";
  }

  giveBack(demand: Resources) {
    this.free = plus(this.free, smaller(demand, this.capacity));
  }
}

const ofEach = (value: (name: keyof Resources) => number): Resources => ({
  cpus: value("cpus"),
  memory: value("memory"),
  gpus: value("gpus"),
});
const each = (holds: (name: keyof Resources) => boolean): boolean =>
  holds("cpus") && holds("memory") && holds("gpus");
const nothing = ofEach(() => 0);
const minus = (one: Resources, other: Resources) => ofEach((name) => one[name] - other[name]);
const plus = (one: Resources, other: Resources) => ofEach((name) => one[name] + other[name]);
const smaller = (one: Resources, other: Resources) =>
  ofEach((name) => Math.min(one[name], other[name]));

/** Which tasks wait, may begin, are done, have failed or will never begin: bookkeeping without effects. */
class Ledger<Task, A, E> implements Outcome<Task, A, E> {
  readonly done = new Map<Task, A>();
  readonly failed = new Map<Task, Cause.Cause<E>>();
  readonly skipped = new Map<Task, Task>();
  private readonly tasks: ReadonlyArray<Task>;
  private readonly dependents: ReadonlyMap<Task, ReadonlyArray<Task>>;
  private readonly waitingFor: Map<Task, number>;
  private readonly ready: ReadyQueue<Task>;

  constructor({
    tasks,
    dependenciesOf,
    demandOf,
  }: Pick<Schedule<Task, A, E, never>, "tasks" | "dependenciesOf" | "demandOf">) {
    this.tasks = tasks;
    this.dependents = invert(tasks, dependenciesOf);
    this.waitingFor = new Map(tasks.map((task) => [task, new Set(dependenciesOf(task)).size]));
    this.ready = new ReadyQueue((task) => {
      const { cpus, memory, gpus } = demandOf(task);
      return `${cpus} ${memory} ${gpus}`;
    });
    for (const task of tasks) if (this.waitingFor.get(task) === 0) this.ready.add(task);
  }

  /** The tasks that there is room for, in order. */
  begin(take: (task: Task) => "taken" | "waits" | "full"): ReadonlyArray<Task> {
    return this.ready.take(take);
  }

  /** A task that has begun in vain is ready again, before all others. */
  again(task: Task) {
    this.ready.addFirst(task);
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
      if (left === 0) this.ready.add(dependent);
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

/**
 * Tasks in the order in which they became ready, one queue for each kind of demand: where there is no room for one task,
 * there is none for those behind it that ask for the same, and they need not be asked.
 */
class ReadyQueue<Task> {
  private readonly kindOf: (task: Task) => string;
  private readonly queues = new Map<string, Queued<Task>>();
  private first = 0;
  private last = 0;

  constructor(kindOf: (task: Task) => string) {
    this.kindOf = kindOf;
  }

  add(task: Task) {
    this.queueOf(task).behind.push({ task, turn: (this.last += 1) });
  }

  addFirst(task: Task) {
    this.queueOf(task).before.push({ task, turn: (this.first -= 1) });
  }

  take(take: (task: Task) => "taken" | "waits" | "full"): ReadonlyArray<Task> {
    const taken: Array<Task> = [];
    const open = new Set([...this.queues.values()].filter((queue) => headOf(queue) !== undefined));
    while (open.size > 0) {
      const queue = [...open].reduce((one, other) => (turnOf(one) <= turnOf(other) ? one : other));
      const head = headOf(queue);
      const answer = head === undefined ? "waits" : take(head.task);
      if (head !== undefined && answer === "taken") {
        taken.push(head.task);
        removeHead(queue);
      }
      if (answer === "full") break;
      if (answer === "waits" || headOf(queue) === undefined) open.delete(queue);
    }
    return taken;
  }

  private queueOf(task: Task): Queued<Task> {
    const kind = this.kindOf(task);
    const known = this.queues.get(kind);
    if (known !== undefined) return known;
    const queue: Queued<Task> = { before: [], behind: [], taken: 0 };
    this.queues.set(kind, queue);
    return queue;
  }
}

interface Turn<Task> {
  readonly task: Task;
  readonly turn: number;
}

/** Those put before all others, the last one first; then the others, of which the first `taken` have gone. */
interface Queued<Task> {
  readonly before: Array<Turn<Task>>;
  readonly behind: Array<Turn<Task>>;
  taken: number;
}

const headOf = <Task>({ before, behind, taken }: Queued<Task>): Turn<Task> | undefined =>
  before.at(-1) ?? behind[taken];

const turnOf = <Task>(queue: Queued<Task>): number => headOf(queue)?.turn ?? Infinity;

const removeHead = <Task>(queue: Queued<Task>) => {
  if (queue.before.pop() === undefined) queue.taken += 1;
};

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
