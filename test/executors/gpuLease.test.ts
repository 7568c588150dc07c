/** Leases of GPUs among unrelated processes, which may be killed at any moment. */
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Fiber } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { inRig } from "../rig/Rig.ts";
import { live, log, run, waits } from "./gpuMachine.ts";
import { parentOf, startOwner, waitUntil, watchersOf } from "./rig.ts";

describe("a GPU", () => {
  // A job makes a directory for each of its GPUs, which fails if another job has it.
  const exclusively = `
for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do mkdir $gpu || echo clash >> clashes; done
echo $CUDA_DEVICE_ORDER $CUDA_VISIBLE_DEVICES >> given
sleep 0.1
for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do rmdir $gpu; done`;

  live("belongs to one job at a time, and a job gets its two together", (machine) =>
    Effect.gen(function* () {
      const { sandbox } = machine;
      const owners = [0, 1, 2].map(() =>
        startOwner(
          machine.options,
          [1, 2, 1, 2].map((gpus) => machine.job(exclusively, { gpus })),
        ),
      );
      yield* waitUntil("their end", () => owners.every(({ exitCode }) => exitCode !== null));
      assert.deepStrictEqual(
        owners.map(({ exitCode }) => exitCode),
        [0, 0, 0],
      );
      const given = sandbox.text("given").trim().split("\n").toSorted();
      assert.strictEqual(sandbox.text("clashes"), "");
      assert.strictEqual(given.length, 12);
      assert.deepStrictEqual(
        given.filter((line) => line.includes(",")),
        Array.from({ length: 6 }, () => "PCI_BUS_ID GPU-aaaa-1,GPU-bbbb-2"),
      );
      assert.deepStrictEqual(new Set(given).size, 3, "and both are used alone too");
    }),
  );

  live("makes a job wait, which it reports, outside its time limit", (machine) =>
    Effect.gen(function* () {
      const { sandbox } = machine;
      const holders = yield* Effect.forkChild(
        Effect.forEach([machine.holds(), machine.holds()], (job) => run(job), { concurrency: 2 }),
      );
      yield* waitUntil("two leases", () => machine.holding === 2);
      const limit = Duration.seconds(5);
      const { messages, waiting } = yield* waits(machine.shows({ timeout: limit }));
      assert.deepStrictEqual(messages, ["waiting for 1 GPU: all 2 are leased"]);
      yield* Effect.sleep(limit);
      machine.release();
      const end = yield* Fiber.join(waiting);
      assert.strictEqual(end.exitCode, 0);
      assert.isBelow(end.wallSeconds, Duration.toSeconds(limit));
      yield* Fiber.join(holders);
      assert.strictEqual(sandbox.survivors, 0);

      const error = yield* Effect.flip(
        run(machine.job("sleep 60", { timeout: Duration.millis(300) })),
      );
      assert.strictEqual(error._tag, "JobTimedOut", "the limit applies from then");
    }),
  );

  live("has no waiting job left after an interruption or the owner's death", (machine) =>
    Effect.gen(function* () {
      const holder = yield* Effect.forkChild(run(machine.holds({ gpus: 2 })));
      yield* waitUntil("two leases", () => machine.holding === 1);
      const { waiting } = yield* waits(machine.shows());
      yield* Fiber.interrupt(waiting);

      const mark = { PIPE_TEST_WAITING: randomUUID() };
      const owner = startOwner(machine.options, [machine.shows()], mark);
      const ofOwner = () =>
        fs.readdirSync("/proc").filter((pid) => {
          try {
            const environment = fs.readFileSync(`/proc/${pid}/environ`, "latin1");
            return environment.includes(mark.PIPE_TEST_WAITING);
          } catch {
            return false;
          }
        });
      yield* waitUntil("owner, supervisor and reaper", () => ofOwner().length === 3);
      owner.kill("SIGKILL");
      yield* waitUntil("no survivors", () => ofOwner().length === 0);
      machine.release();
      assert.strictEqual((yield* Fiber.join(holder)).exitCode, 0);
    }),
  );

  const killed: ReadonlyArray<readonly [held: number, wanted: number, seen: string]> = [
    [2, 2, "GPU-aaaa-1,GPU-bbbb-2"],
    [0.25, 0.875, "GPU-aaaa-1"],
  ];
  for (const [held, wanted, seen] of killed)
    live(
      `is free after kill -9 of owner, supervisor and reaper as soon as the job's last process is dead (${held})`,
      (machine) =>
        Effect.gen(function* () {
          const { sandbox } = machine;
          machine.setGpus(...seen.split(",").map((gpu) => `${gpu}, 0`));
          const owner = startOwner(machine.options, [sandbox.stubborn("stay", { gpus: held })]);
          yield* waitUntil("three processes", () => sandbox.up === 3);
          const { reaper, supervisor } = watchersOf(sandbox);
          // stopped, so that none notices another's end
          for (const pid of [supervisor, reaper]) process.kill(pid, "SIGSTOP");
          for (const pid of [owner.pid!, supervisor, reaper]) process.kill(pid, "SIGKILL");
          yield* waitUntil("their end", () => parentOf(supervisor) === 0 && parentOf(reaper) === 0);
          assert.strictEqual(sandbox.survivors, 3);

          const job = machine.shows({ gpus: wanted, environment: {} });
          const { waiting } = yield* waits(job);
          const [first, second, daemon] = sandbox
            .text("ready")
            .trim()
            .split("\n")
            .map(Number)
            .toSorted();
          for (const pid of [first!, second!]) process.kill(pid, "SIGKILL");
          yield* waitUntil("one survivor", () => sandbox.survivors === 1);
          yield* Effect.promise(() => setTimeout(300));
          assert.isUndefined(waiting.pollUnsafe(), "the daemon keeps the lease");
          process.kill(daemon!, "SIGKILL");
          yield* Fiber.join(waiting);
          assert.strictEqual(log(job), `${seen}\n`);
        }),
    );

  live("stays leased while a process that the job left is running", (machine) =>
    Effect.gen(function* () {
      const { sandbox } = machine;
      const messages: Array<string> = [];
      const leaving = yield* Effect.forkChild(run(sandbox.stubborn("leave", { gpus: 2 })));
      yield* waitUntil("the job", () => sandbox.up === 2);
      const job = machine.shows({ environment: {} });
      yield* run(job, messages);
      assert.strictEqual(sandbox.survivors, 0, "no process was left when the next job began");
      assert.strictEqual((yield* Fiber.join(leaving)).exitCode, 0);
    }),
  );

  live("in use by a process without a lease is not leased", (machine) =>
    Effect.gen(function* () {
      machine.setGpus("GPU-aaaa-1, 500.5", "GPU-bbbb-2, [N/A]");
      machine.write("apps.csv", "GPU-bbbb-2, 4711, python3\n[N/A], [N/A], [N/A]\n");
      const job = machine.shows();
      const { messages, waiting } = yield* waits(job);
      assert.deepStrictEqual(messages, [
        "waiting for 1 GPU: of 2, 2 are in use by a process without a lease",
      ]);
      machine.write("apps.csv", "");
      yield* Fiber.join(waiting);
      assert.strictEqual(log(job), "GPU-bbbb-2\n");
    }),
  );
});

live("a GPU on which the Multi-Process Service alone is running is leased", (machine) =>
  Effect.gen(function* () {
    machine.setGpus("GPU-aaaa-1, 75");
    machine.write("apps.csv", "GPU-aaaa-1, 1038, /usr/bin/nvidia-cuda-mps-server\n");
    const job = machine.shows();
    yield* run(job);
    assert.strictEqual(log(job), "GPU-aaaa-1\n");
    machine.write(
      "apps.csv",
      "GPU-aaaa-1, 1038, nvidia-cuda-mps-server\nGPU-aaaa-1, 1042, python3\n",
    );
    const { messages, waiting } = yield* waits(machine.shows());
    assert.deepStrictEqual(messages, [
      "waiting for 1 GPU: of 1, 1 is in use by a process without a lease",
    ]);
    machine.write("apps.csv", "");
    yield* Fiber.join(waiting);
  }),
);

describe("a share of a GPU", () => {
  const ended = (owners: ReadonlyArray<ReturnType<typeof startOwner>>) =>
    waitUntil("their end", () => owners.every(({ exitCode }) => exitCode !== null)).pipe(
      Effect.tap(() =>
        Effect.sync(() => owners.forEach((each) => assert.strictEqual(each.exitCode, 0))),
      ),
    );

  live("of an eighth goes to eight jobs at once and never to nine", (machine) =>
    Effect.gen(function* () {
      machine.setGpus("GPU-aaaa-1, 0");
      const owners = [6, 5, 5].map((count) =>
        startOwner(
          machine.options,
          Array.from({ length: count }, () => machine.holds({ gpus: 0.125 })),
        ),
      );
      yield* waitUntil("eight at once", () => machine.holding === 8);
      yield* Effect.promise(() => setTimeout(500));
      assert.strictEqual(machine.holding, 8, "the others wait");
      machine.release();
      yield* ended(owners);
      assert.strictEqual(machine.holding, 16);
      assert.deepStrictEqual(machine.maximum, { "GPU-aaaa-1": 8 });
    }),
  );

  live("of any size leaves the sum at one GPU or less", (machine) =>
    Effect.gen(function* () {
      machine.release();
      const sizes = [0.5, 0.875, 0.25, 1, 0.125, 0.625, 2, 0.375, 0.75];
      const owners = [0, 3, 6].map((first) =>
        startOwner(
          machine.options,
          [...sizes.slice(first), ...sizes.slice(0, first)].map((gpus) => machine.holds({ gpus })),
        ),
      );
      yield* ended(owners);
      assert.strictEqual(machine.holding, 27);
      assert.deepStrictEqual(machine.maximum, { "GPU-aaaa-1": 8, "GPU-bbbb-2": 8 });
    }),
  );

  live("and a whole GPU wait for each other", (machine) =>
    Effect.gen(function* () {
      machine.setGpus("GPU-aaaa-1, 0");
      const begin = Effect.fnUntraced(function* (gpus: number, until: string) {
        const messages: Array<string> = [];
        const fiber = yield* Effect.forkChild(run(machine.holds({ gpus }, until), messages));
        return { messages, fiber };
      });
      const first = yield* begin(0.125, "first");
      const second = yield* begin(0.5, "second");
      yield* waitUntil("both share it", () => machine.holding === 2);
      const whole = yield* begin(1, "whole");
      yield* waitUntil("the news", () => whole.messages.length > 0);
      assert.deepStrictEqual(whole.messages, ["waiting for 1 GPU: the only one is leased"]);
      machine.release("first");
      yield* Fiber.join(first.fiber);
      yield* Effect.promise(() => setTimeout(300));
      assert.strictEqual(machine.holding, 2, "the second still has its share");
      machine.release("second");
      yield* waitUntil("the whole one", () => machine.holding === 3);
      const third = yield* begin(0.125, "third");
      yield* waitUntil("the news", () => third.messages.length > 0);
      assert.deepStrictEqual(third.messages, [
        "waiting for 0.125 of a GPU: the only one is too full",
      ]);
      machine.release("whole");
      machine.release("third");
      for (const { fiber } of [second, whole, third]) yield* Fiber.join(fiber);
      assert.deepStrictEqual(machine.maximum, { "GPU-aaaa-1": 8 });
    }),
  );

  live(
    "is of the fullest GPU with room, where the memory of our own jobs does not count",
    (machine) =>
      Effect.gen(function* () {
        const holders: Array<Fiber.Fiber<unknown, unknown>> = [];
        const taken: Array<string> = [];
        const hold = Effect.fnUntraced(function* (gpus: number) {
          const count = machine.holding;
          holders.push(yield* Effect.forkChild(run(machine.holds({ gpus }))));
          yield* waitUntil(`${gpus}`, () => machine.holding === count + 1);
          taken.push(machine.sandbox.text("ledger").trim().split("\n").at(-1)!);
        });
        machine.setGpus("GPU-aaaa-1, 30000", "GPU-bbbb-2, 0");
        yield* hold(0.125);
        machine.setGpus("GPU-aaaa-1, 0", "GPU-bbbb-2, 30000");
        machine.write("apps.csv", "GPU-bbbb-2, 4711, python3\n");
        yield* hold(0.25);
        yield* hold(0.75);
        yield* hold(0.5);
        yield* hold(0.125);
        yield* hold(0.125);
        assert.deepStrictEqual(taken, [
          "GPU-bbbb-2 1",
          "GPU-bbbb-2 2",
          "GPU-aaaa-1 6",
          "GPU-bbbb-2 4",
          "GPU-bbbb-2 1",
          "GPU-aaaa-1 1",
        ]);
        const { messages, waiting } = yield* waits(machine.shows({ gpus: 0.25 }));
        assert.deepStrictEqual(messages, ["waiting for 0.25 of a GPU: all 2 are too full"]);
        machine.write("apps.csv", "");
        machine.release();
        yield* Effect.forEach(holders, Fiber.join);
        yield* Fiber.join(waiting);
      }),
  );

  live("is not of a GPU in use by a process without a lease", (machine) =>
    Effect.gen(function* () {
      machine.setGpus("GPU-aaaa-1, 30000");
      const { messages, waiting } = yield* waits(machine.shows({ gpus: 0.5 }));
      assert.deepStrictEqual(messages, [
        "waiting for 0.5 of a GPU: of 1, 1 is in use by a process without a lease",
      ]);
      machine.setGpus("GPU-aaaa-1, 0");
      yield* Fiber.join(waiting);
    }),
  );

  it(
    "is named by the error of a run without GPUs",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        'name: e\nstages: { a: { use: command, with: { run: "true" }, resources: { gpus: 0.125 } } }',
      );
      rig.write("nvidia-smi", "#!/bin/sh\n");
      fs.chmodSync(rig.path("nvidia-smi"), 0o755);
      const PATH = [rig.directory, process.env["PATH"]].join(path.delimiter);
      const { code, stderr } = await rig.start(["run", "e.yaml"], { PATH }).ended;
      assert.strictEqual(code, 2);
      assert.include(stderr, "`a` needs 0.125 of a GPU; this machine has 0 GPUs");
    }),
  );
});

live("the locks are open to every user, with any umask", (machine) =>
  Effect.gen(function* () {
    const mask = process.umask(0o077);
    yield* run(machine.shows()).pipe(Effect.ensuring(Effect.sync(() => void process.umask(mask))));
    const mode = (path: string) => (fs.statSync(path).mode & 0o7777).toString(8);
    assert.strictEqual(mode(machine.leases), "1777");
    assert.strictEqual(mode(path.join(machine.leases, "GPU-aaaa-1.7")), "666");
    assert.strictEqual(mode(path.join(machine.leases, "allocator")), "666");
  }),
);
