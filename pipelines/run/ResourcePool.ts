/** Admission of tasks by the resources that they demand. */
import type { Resources } from "../../stages/Stage.ts";

export type Admission = "admitted" | "waits";

export class ResourcePool {
  private readonly capacity: Resources;
  private free: Resources;
  /** Within a round, what is kept free for tasks that wait for it. */
  private reserved: Resources = none;

  constructor(capacity: Resources) {
    this.capacity = capacity;
    this.free = capacity;
  }

  newRound() {
    this.reserved = none;
  }

  /**
   * Admits a task where its demand is free. A task that waits reserves the resources that it lacks, so that smaller
   * tasks behind it can't starve it; resources that it does not lack stay free for others.
   */
  admit(demand: Resources): Admission {
    const wanted = smaller(demand, this.capacity);
    const open = minus(this.free, this.reserved);
    if (every((name) => wanted[name] <= open[name] || wanted[name] === 0)) {
      this.free = minus(this.free, wanted);
      return "admitted";
    }
    this.reserved = resources((name) =>
      wanted[name] > open[name] ? this.free[name] : this.reserved[name],
    );
    return "waits";
  }

  release(demand: Resources) {
    this.free = plus(this.free, smaller(demand, this.capacity));
  }
}

type Amount = "cpus" | "memory" | "gpus";

const resources = (value: (name: Amount) => number): Resources => ({
  cpus: value("cpus"),
  memory: value("memory"),
  gpus: value("gpus"),
});
const every = (holds: (name: Amount) => boolean): boolean =>
  holds("cpus") && holds("memory") && holds("gpus");
const none = resources(() => 0);
const minus = (one: Resources, other: Resources) => resources((name) => one[name] - other[name]);
const plus = (one: Resources, other: Resources) => resources((name) => one[name] + other[name]);
const smaller = (one: Resources, other: Resources) =>
  resources((name) => Math.min(one[name], other[name]));
