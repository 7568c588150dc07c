/** The schedule: order, slots, failures and interrupts, over random graphs with random delays. */
import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Fiber } from "effect";
import type { Outcome } from "../../../pipelines/run/Ledger.ts";
import { schedule } from "../../../pipelines/run/Schedule.ts";
import type { Resources } from "../../../stages/Stage.ts";
import { Random } from "../../../stats/Random.ts";

interface Task {
  readonly id: number;
  readonly needs: ReadonlyArray<Task>;
  readonly slots: number;
  readonly fails: boolean;
}

const below = (random: Random, count: number): number => random.integer(0, count - 1);

const randomTasks = (random: Random, failures: number): ReadonlyArray<Task> => {
  const tasks: Array<Task> = [];
  const count = random.integer(1, 25);
  for (let id = 0; id < count; id += 1) {
    const needs = tasks.filter(() => below(random, 4) === 0);
    tasks.push({ id, needs, slots: random.integer(1, 5), fails: random.uniform() < failures });
  }
  return tasks;
};

interface Watched {
  readonly outcome: Outcome<Task, number, string>;
  readonly started: ReadonlyArray<Task>;
}

const cpus = (count: number): Resources => ({ cpus: count, memory: 0, gpus: 0 });

/** Runs the tasks, each for a random time, and checks the invariants at every start. */
const watch = Effect.fnUntraced(function* (
  tasks: ReadonlyArray<Task>,
  slots: number,
  keepGoing: boolean,
  random: Random,
) {
  const started: Array<Task> = [];
  const done = new Set<Task>();
  let used = 0;
  const cost = (task: Task) => Math.min(task.slots, slots);
  const run = Effect.fnUntraced(function* (task: Task) {
    assert.isFalse(started.includes(task), "started twice");
    for (const need of task.needs) assert.isTrue(done.has(need), `${task.id} before ${need.id}`);
    started.push(task);
    used += cost(task);
    assert.isAtMost(used, slots);
    for (let turns = below(random, 5); turns > 0; turns -= 1) yield* Effect.yieldNow;
    used -= cost(task);
    if (task.fails) return yield* Effect.fail(`failed ${task.id}`);
    done.add(task);
    return task.id;
  });
  const outcome = yield* schedule({
    tasks,
    dependenciesOf: (task) => task.needs,
    demandOf: (task) => cpus(task.slots),
    capacity: cpus(slots),
    keepGoing,
    run,
    stopping: () => Effect.void,
  });
  return { outcome, started } satisfies Watched;
});

const rounds = Array.from({ length: 150 }, (_, index) => index);

const assertEachOnce = (
  tasks: ReadonlyArray<Task>,
  { done, failed, skipped }: Watched["outcome"],
) => {
  const settled = [...done.keys(), ...failed.keys(), ...skipped.keys()];
  assert.strictEqual(settled.length, tasks.length);
  assert.strictEqual(new Set(settled).size, tasks.length);
};

describe("over random graphs", () => {
  it.effect("all tasks are done, in order, and never use more slots than the capacity", () =>
    Effect.gen(function* () {
      for (const round of rounds) {
        const random = Random.of("schedule", round);
        const tasks = randomTasks(random, 0);
        const { outcome } = yield* watch(tasks, random.integer(1, 4), false, random);
        assert.deepStrictEqual(
          [...outcome.done.keys()].map((task) => task.id).toSorted((a, b) => a - b),
          tasks.map((task) => task.id),
        );
        assert.isTrue([...outcome.done].every(([task, value]) => task.id === value));
      }
    }),
  );

  it.effect(
    "with --keep-going exactly the dependents of a failed task are skipped, for that task",
    () =>
      Effect.gen(function* () {
        for (const round of rounds) {
          const random = Random.of("keep going", round);
          const tasks = randomTasks(random, 0.2);
          const { outcome } = yield* watch(tasks, random.integer(1, 4), true, random);
          assertEachOnce(tasks, outcome);
          for (const task of tasks) {
            const stopped = task.needs.some((need) => !outcome.done.has(need));
            assert.strictEqual(outcome.skipped.has(task), stopped);
            assert.strictEqual(outcome.failed.has(task), !stopped && task.fails);
            const because = outcome.skipped.get(task);
            if (because !== undefined) assert.isTrue(dependsOn(task, because) && because.fails);
          }
        }
      }),
  );

  it.effect("without it no task starts after a failure, and running tasks finish", () =>
    Effect.gen(function* () {
      for (const round of rounds) {
        const random = Random.of("stop", round);
        const tasks = randomTasks(random, 0.2);
        const { outcome, started } = yield* watch(tasks, random.integer(1, 4), false, random);
        assertEachOnce(tasks, outcome);
        assert.sameMembers([...outcome.done.keys(), ...outcome.failed.keys()], [...started]);
        if (outcome.failed.size > 0)
          for (const because of outcome.skipped.values())
            assert.isTrue(outcome.failed.has(because));
      }
    }),
  );
});

const dependsOn = (task: Task, other: Task): boolean =>
  task.needs.some((need) => need === other || dependsOn(need, other));

const free: Task = { id: 0, needs: [], slots: 1, fails: false };

const scheduleOf = <A, E>(
  tasks: ReadonlyArray<Task>,
  slots: number,
  run: (task: Task) => Effect.Effect<A, E>,
  stopping: (running: number) => Effect.Effect<void> = () => Effect.void,
) =>
  schedule({
    tasks,
    dependenciesOf: (task) => task.needs,
    demandOf: (task) => cpus(task.slots),
    capacity: cpus(slots),
    keepGoing: false,
    run,
    stopping,
  });

it.effect("an empty schedule is done at once", () =>
  Effect.gen(function* () {
    const { done } = yield* scheduleOf([], 2, () => Effect.void);
    assert.strictEqual(done.size, 0);
  }),
);

it.effect("tasks run concurrently: two that wait for each other end", () =>
  Effect.gen(function* () {
    const [one, two] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()];
    const tasks = [free, { ...free, id: 1 }];
    const { done } = yield* scheduleOf(tasks, 2, (task) =>
      task.id === 0
        ? Effect.andThen(Deferred.succeed(one, undefined), Deferred.await(two))
        : Effect.andThen(Deferred.succeed(two, undefined), Deferred.await(one)),
    );
    assert.strictEqual(done.size, 2);
  }),
);

it.effect("a task that demands more slots than the capacity runs alone", () =>
  Effect.gen(function* () {
    const tasks = [free, { ...free, id: 1, slots: 100 }, { ...free, id: 2 }];
    let running = 0;
    const { done } = yield* scheduleOf(tasks, 3, (task) =>
      Effect.gen(function* () {
        running += 1;
        if (task.slots > 1) assert.strictEqual(running, 1);
        yield* Effect.yieldNow;
        if (task.slots > 1) assert.strictEqual(running, 1);
        running -= 1;
      }),
    );
    assert.strictEqual(done.size, 3);
  }),
);

it.effect("an interrupt ends running tasks, waits for their clean-up, and starts no more", () =>
  Effect.gen(function* () {
    const began = yield* Deferred.make<void>();
    const seen: Array<string> = [];
    const tasks = [free, { ...free, id: 1 }, { ...free, id: 2 }];
    const fiber = yield* Effect.forkChild(
      scheduleOf(
        tasks,
        2,
        (task) =>
          Effect.gen(function* () {
            seen.push(`start ${task.id}`);
            if (task.id === 1) yield* Deferred.succeed(began, undefined);
            yield* Effect.never;
          }).pipe(
            Effect.onInterrupt(() =>
              Effect.andThen(
                Effect.yieldNow,
                Effect.sync(() => void seen.push(`clean ${task.id}`)),
              ),
            ),
          ),
        (running) => Effect.sync(() => void seen.push(`stopping ${running}`)),
      ),
    );
    yield* Deferred.await(began);
    // until the schedule itself waits
    for (let turn = 0; turn < 10; turn += 1) yield* Effect.yieldNow;
    yield* Fiber.interrupt(fiber);
    assert.deepStrictEqual(seen.slice(0, 3), ["start 0", "start 1", "stopping 2"]);
    assert.sameMembers(seen.slice(3), ["clean 0", "clean 1"]);
  }),
);

it.effect("a task that throws fails like any other", () =>
  Effect.gen(function* () {
    const { failed } = yield* scheduleOf([free], 1, () => Effect.die(new Error("broken")));
    assert.strictEqual(failed.size, 1);
  }),
);

describe("a scarce resource is reserved for the tasks that wait for it", () => {
  const none: Resources = { cpus: 1, memory: 0, gpus: 0 };
  const order = (demands: ReadonlyArray<Resources>, capacity: Resources) =>
    Effect.gen(function* () {
      const started: Array<number> = [];
      const gates = yield* Effect.forEach(demands, () => Deferred.make<void>());
      const tasks = demands.map((_, id) => id);
      const fiber = yield* Effect.forkChild(
        schedule({
          tasks,
          dependenciesOf: () => [],
          demandOf: (id) => demands[id] ?? none,
          capacity,
          keepGoing: false,
          run: (id) =>
            Effect.andThen(
              Effect.sync(() => void started.push(id)),
              Deferred.await(gates[id]!),
            ),
          stopping: () => Effect.void,
        }),
      );
      const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow);
      const end = (id: number) => Effect.andThen(Deferred.succeed(gates[id]!, undefined), settle);
      yield* settle;
      return { started, end, fiber };
    });

  it.effect("a task without a GPU starts before an earlier task that waits for the GPU", () =>
    Effect.gen(function* () {
      const gpu = { ...none, gpus: 1 };
      const { started, end, fiber } = yield* order([gpu, gpu, none], { ...gpu, cpus: 3 });
      assert.deepStrictEqual(started, [0, 2]);
      yield* end(0);
      assert.deepStrictEqual(started, [0, 2, 1]);
      yield* Fiber.interrupt(fiber);
    }),
  );

  it.effect("small tasks that come later do not starve a large one", () =>
    Effect.gen(function* () {
      const large = { ...none, cpus: 2 };
      const { started, end, fiber } = yield* order([none, large, none, none], { ...none, cpus: 2 });
      assert.deepStrictEqual(started, [0]);
      yield* end(0);
      assert.deepStrictEqual(started, [0, 1]);
      yield* end(1);
      assert.deepStrictEqual(started, [0, 1, 2, 3]);
      yield* Fiber.interrupt(fiber);
    }),
  );

  it.effect(
    "many tasks that wait for a GPU cost no more than as many that wait for a processor",
    () =>
      Effect.gen(function* () {
        let asked = 0;
        const tasks = Array.from({ length: 2000 }, (_, id) => id);
        yield* schedule({
          tasks,
          dependenciesOf: () => [],
          demandOf: () => {
            asked += 1;
            return { ...none, gpus: 1 };
          },
          capacity: { cpus: 4, memory: 0, gpus: 1 },
          keepGoing: false,
          run: () => Effect.yieldNow,
          stopping: () => Effect.void,
        });
        assert.isBelow(asked, tasks.length * 8);
      }),
  );
});
