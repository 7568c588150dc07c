/** The states of a schedule's tasks: pending, ready, done, failed or skipped. No effects. */
import { type Cause, Exit } from "effect";
import type { Resources } from "../../stages/Stage.ts";
import { ReadyQueue } from "./ReadyQueue.ts";
import type { Admission } from "./ResourcePool.ts";

export interface Outcome<Task, A, E> {
  readonly done: ReadonlyMap<Task, A>;
  readonly failed: ReadonlyMap<Task, Cause.Cause<E>>;
  /** Tasks never started, each with the failed task that stopped it. */
  readonly skipped: ReadonlyMap<Task, Task>;
}

export interface TaskGraph<Task> {
  /** In topological order. */
  readonly tasks: ReadonlyArray<Task>;
  readonly dependenciesOf: (task: Task) => ReadonlyArray<Task>;
  /** The resources that a task takes; where it demands more than the capacity, it takes all. */
  readonly demandOf: (task: Task) => Resources;
}

export class Ledger<Task, A, E> implements Outcome<Task, A, E> {
  readonly done = new Map<Task, A>();
  readonly failed = new Map<Task, Cause.Cause<E>>();
  readonly skipped = new Map<Task, Task>();
  private readonly tasks: ReadonlyArray<Task>;
  private readonly dependents: ReadonlyMap<Task, ReadonlyArray<Task>>;
  /** How many dependencies are not done. */
  private readonly pending: Map<Task, number>;
  private readonly ready: ReadyQueue<Task>;

  constructor({ tasks, dependenciesOf, demandOf }: TaskGraph<Task>) {
    this.tasks = tasks;
    this.dependents = invert(tasks, dependenciesOf);
    this.pending = new Map(tasks.map((task) => [task, new Set(dependenciesOf(task)).size]));
    this.ready = new ReadyQueue((task) => {
      const { cpus, memory, gpus } = demandOf(task);
      return `${cpus} ${memory} ${gpus}`;
    });
    for (const task of tasks) if (this.pending.get(task) === 0) this.ready.add(task);
  }

  /** The ready tasks that are admitted, in order; they are no longer ready. */
  start(admit: (task: Task) => Admission): ReadonlyArray<Task> {
    return this.ready.take(admit);
  }

  /** Makes a parked task ready again, before all others. */
  restart(task: Task) {
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
      const left = (this.pending.get(dependent) ?? 0) - 1;
      this.pending.set(dependent, left);
      if (left === 0) this.ready.add(dependent);
    }
  }

  /** The outcome. Tasks that never started because of a failure elsewhere are skipped for the first failed task. */
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
