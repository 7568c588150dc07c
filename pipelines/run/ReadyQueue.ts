/**
 * Tasks in the order in which they became ready, with one queue for each kind of demand: when the pool refuses one task,
 * it refuses those behind it with the same demand, so they are not asked.
 */
import type { Admission } from "./ResourcePool.ts";

export class ReadyQueue<Task> {
  private readonly kindOf: (task: Task) => string;
  private readonly queues = new Map<string, Queue<Task>>();
  private first = 0;
  private last = 0;

  constructor(kindOf: (task: Task) => string) {
    this.kindOf = kindOf;
  }

  add(task: Task) {
    this.queueOf(task).back.push({ task, turn: (this.last += 1) });
  }

  addFirst(task: Task) {
    this.queueOf(task).front.push({ task, turn: (this.first -= 1) });
  }

  /** Removes and returns the tasks that `admit` admits, asking in order. */
  take(admit: (task: Task) => Admission): ReadonlyArray<Task> {
    const admitted: Array<Task> = [];
    const open = new Set([...this.queues.values()].filter((queue) => headOf(queue) !== undefined));
    while (open.size > 0) {
      const queue = [...open].reduce((one, other) => (turnOf(one) <= turnOf(other) ? one : other));
      const head = headOf(queue);
      const answer = head === undefined ? "waits" : admit(head.task);
      if (head !== undefined && answer === "admitted") {
        admitted.push(head.task);
        removeHead(queue);
      }
      if (answer === "waits" || headOf(queue) === undefined) open.delete(queue);
    }
    return admitted;
  }

  private queueOf(task: Task): Queue<Task> {
    const kind = this.kindOf(task);
    const known = this.queues.get(kind);
    if (known !== undefined) return known;
    const queue: Queue<Task> = { front: [], back: [], removed: 0 };
    this.queues.set(kind, queue);
    return queue;
  }
}

interface Entry<Task> {
  readonly task: Task;
  readonly turn: number;
}

/** `front` is a stack; of `back` the first `removed` entries are gone, which is cheaper than shifting the array. */
interface Queue<Task> {
  readonly front: Array<Entry<Task>>;
  readonly back: Array<Entry<Task>>;
  removed: number;
}

const headOf = <Task>({ front, back, removed }: Queue<Task>): Entry<Task> | undefined =>
  front.at(-1) ?? back[removed];

const turnOf = <Task>(queue: Queue<Task>): number => headOf(queue)?.turn ?? Infinity;

const removeHead = <Task>(queue: Queue<Task>) => {
  if (queue.front.pop() === undefined) queue.removed += 1;
};
