/** GPUs are leased among processes that know nothing of each other, and of those who die in any way. */
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Fiber } from "effect";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { vi } from "vitest";
import { Executor, type Job } from "../../executors/Executor.ts";
import { Local } from "../../executors/Local.ts";
import { machineResources } from "../../executors/machineResources.ts";
import { inRig } from "../rig/Rig.ts";
import { inYard, parentOf, startOwner, waitUntil, watchersOf, type Yard } from "./rig.ts";

/** A machine with these GPUs, as `nvidia-smi` tells it, and a directory of locks of its own. */
class Machine {
  readonly yard: Yard;
  readonly bin: string;
  readonly leases: string;

  constructor(yard: Yard) {
    this.yard = yard;
    this.bin = join(yard.directory, "bin");
    this.leases = join(yard.directory, "leases");
    mkdirSync(this.bin);
    copyFileSync(join(import.meta.dirname, "programs/nvidia-smi"), join(this.bin, "nvidia-smi"));
    this.has("GPU-aaaa-1, 0", "GPU-bbbb-2, 0");
    this.say("apps.csv", "");
    vi.stubEnv("PATH", [this.bin, process.env["PATH"]].join(delimiter));
    vi.stubEnv("CUDA_VISIBLE_DEVICES", undefined);
    vi.stubEnv("SLURM_JOB_ID", undefined);
  }

  say(file: string, text: string): void {
    writeFileSync(join(this.bin, file), text);
  }

  /** GPUs by uuid and memory in use, with the mode of MIG where it matters. */
  has(...gpus: ReadonlyArray<string>): void {
    const lines = gpus.map(
      (gpu, index) => `${index}, ${gpu}${gpu.split(",")[2] ? "" : ", [N/A]"}\n`,
    );
    this.say("gpus.csv", lines.join(""));
  }

  get options() {
    return { grace: "300 millis", leftoverGrace: "100 millis", leases: this.leases } as const;
  }

  get local() {
    return Local.layerWith(this.options);
  }

  /** A job in a directory of its own. It brings what a test stubs, which `pipe` reads once and takes as given. */
  job(script: string, more: Partial<Job> = {}): Job {
    const id = randomUUID();
    const directory = join(this.yard.directory, id);
    mkdirSync(directory);
    const { PATH, CUDA_VISIBLE_DEVICES: visible } = process.env;
    const environment = {
      PATH: PATH!,
      ...(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }),
      ...(more.environment ?? this.yard.environment),
    };
    return this.yard.shell(script, { id, directory, gpus: 1, ...more, environment });
  }

  /** A job that says which GPUs it sees. */
  shows(more: Partial<Job> = {}): Job {
    return this.job('echo "$CUDA_VISIBLE_DEVICES"', more);
  }

  /** A job that lasts until it is let go, and writes into `ledger` how many eighths of which GPUs it takes and returns. */
  holds(more: Partial<Job> = {}, until = "go"): Job {
    const eighths = Math.min(more.gpus ?? 1, 1) * 8;
    const book = (amount: number) =>
      `for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do echo $gpu ${amount} >> ledger; done`;
    const script = `${book(eighths)}; echo >> holding; while [ ! -e ${until} ]; do sleep 0.01; done; ${book(-eighths)}`;
    return this.job(script, more);
  }

  letGo(until = "go"): void {
    writeFileSync(join(this.yard.directory, until), "");
  }

  /** The most that was ever taken of each GPU, in eighths. */
  get most(): Readonly<Record<string, number>> {
    const taken: Record<string, number> = {};
    const most: Record<string, number> = {};
    for (const line of this.yard.text("ledger").trim().split("\n")) {
      const [gpu, amount] = line.split(" ") as [string, string];
      taken[gpu] = (taken[gpu] ?? 0) + Number(amount);
      most[gpu] = Math.max(most[gpu] ?? 0, taken[gpu]);
    }
    return most;
  }

  get holding(): number {
    return this.yard.text("holding").length;
  }
}

const log = (job: Job): string => readFileSync(join(job.directory, "log"), "utf8");

const run = (job: Job, told: Array<string> = []) =>
  Effect.flatMap(Executor, (executor) =>
    executor.run(job, (event) =>
      Effect.sync(() => void told.push(event.event === "log" ? event.message : event.event)),
    ),
  );

const live = (what: string, test: (machine: Machine) => Effect.Effect<void, unknown, Executor>) =>
  it.live(
    what,
    () =>
      inYard((yard) => {
        const machine = new Machine(yard);
        return test(machine).pipe(
          Effect.provide(machine.local),
          Effect.ensuring(Effect.sync(() => vi.unstubAllEnvs())),
        );
      }),
    60_000,
  );

describe("a GPU", () => {
  // Each takes the GPUs it was given by making directories, which fails where somebody else has one.
  const exclusively = `
for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do mkdir $gpu || echo clash >> clashes; done
echo $CUDA_DEVICE_ORDER $CUDA_VISIBLE_DEVICES >> given
sleep 0.1
for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do rmdir $gpu; done`;

  live("is never two jobs', and two are given at once or not at all", (machine) =>
    Effect.gen(function* () {
      const { yard } = machine;
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
      const given = yard.text("given").trim().split("\n").toSorted();
      assert.strictEqual(yard.text("clashes"), "");
      assert.strictEqual(given.length, 12);
      assert.deepStrictEqual(
        given.filter((line) => line.includes(",")),
        Array.from({ length: 6 }, () => "PCI_BUS_ID GPU-aaaa-1,GPU-bbbb-2"),
      );
      assert.deepStrictEqual(new Set(given).size, 3, "and both are used alone too");
    }),
  );

  live("is waited for, which is told and takes nothing of the time limit", (machine) =>
    Effect.gen(function* () {
      const { yard } = machine;
      const holders = yield* Effect.forkChild(
        Effect.forEach([machine.holds(), machine.holds()], (job) => run(job), { concurrency: 2 }),
      );
      yield* waitUntil("two leases", () => machine.holding === 2);
      const told: Array<string> = [];
      const limit = Duration.seconds(1);
      const waiting = yield* Effect.forkChild(run(machine.shows({ timeout: limit }), told));
      yield* waitUntil("the news", () => told.length > 0);
      assert.deepStrictEqual(told, ["waiting for 1 GPU: all 2 are leased"]);
      yield* Effect.sleep(limit);
      machine.letGo();
      const end = yield* Fiber.join(waiting);
      assert.strictEqual(end.exitCode, 0);
      assert.isBelow(end.wallSeconds, Duration.toSeconds(limit));
      yield* Fiber.join(holders);
      assert.strictEqual(yard.survivors, 0);

      const error = yield* Effect.flip(
        run(machine.job("sleep 60", { timeout: Duration.millis(300) })),
      );
      assert.strictEqual(error._tag, "JobTimedOut", "the limit still is one");
    }),
  );

  live("is waited for no longer once nobody wants the job", (machine) =>
    Effect.gen(function* () {
      const holder = yield* Effect.forkChild(run(machine.holds({ gpus: 2 })));
      yield* waitUntil("two leases", () => machine.holding === 1);
      const told: Array<string> = [];
      const waiting = yield* Effect.forkChild(run(machine.shows(), told));
      yield* waitUntil("the news", () => told.length > 0);
      yield* Fiber.interrupt(waiting);

      const mark = { PIPE_TEST_WAITING: randomUUID() };
      const owner = startOwner(machine.options, [machine.shows()], mark);
      const ofOwner = () =>
        readdirSync("/proc").filter((pid) => {
          try {
            const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
            return environment.includes(mark.PIPE_TEST_WAITING);
          } catch {
            return false;
          }
        });
      yield* waitUntil("owner, supervisor and reaper", () => ofOwner().length === 3);
      owner.kill("SIGKILL");
      yield* waitUntil("no survivors", () => ofOwner().length === 0);
      machine.letGo();
      assert.strictEqual((yield* Fiber.join(holder)).exitCode, 0);
    }),
  );

  const KILLED: ReadonlyArray<readonly [held: number, wanted: number, seen: string]> = [
    [2, 2, "GPU-aaaa-1,GPU-bbbb-2"],
    [0.25, 0.875, "GPU-aaaa-1"],
  ];
  for (const [held, wanted, seen] of KILLED)
    live(
      `is free again after kill -9 of everybody, as soon as the last process is gone (${held})`,
      (machine) =>
        Effect.gen(function* () {
          const { yard } = machine;
          machine.has(...seen.split(",").map((gpu) => `${gpu}, 0`));
          const owner = startOwner(machine.options, [yard.stubborn("stay", { gpus: held })]);
          yield* waitUntil("three processes", () => yard.up === 3);
          const { reaper, supervisor } = watchersOf(yard);
          // so that they see nothing of each other's end
          for (const pid of [supervisor, reaper]) process.kill(pid, "SIGSTOP");
          for (const pid of [owner.pid!, supervisor, reaper]) process.kill(pid, "SIGKILL");
          yield* waitUntil("their end", () => parentOf(supervisor) === 0 && parentOf(reaper) === 0);
          assert.strictEqual(yard.survivors, 3);

          const told: Array<string> = [];
          const job = machine.shows({ gpus: wanted, environment: {} });
          const waiting = yield* Effect.forkChild(run(job, told));
          yield* waitUntil("the news", () => told.length > 0);
          const [first, second, daemon] = yard
            .text("ready")
            .trim()
            .split("\n")
            .map(Number)
            .toSorted();
          for (const pid of [first!, second!]) process.kill(pid, "SIGKILL");
          yield* waitUntil("one survivor", () => yard.survivors === 1);
          yield* Effect.promise(() => setTimeout(300));
          assert.isUndefined(waiting.pollUnsafe(), "the daemon still has what it was given");
          process.kill(daemon!, "SIGKILL");
          yield* Fiber.join(waiting);
          assert.strictEqual(log(job), `${seen}\n`);
        }),
    );

  live("is kept by what a job leaves running until that is ended too", (machine) =>
    Effect.gen(function* () {
      const { yard } = machine;
      const told: Array<string> = [];
      const leaving = yield* Effect.forkChild(run(yard.stubborn("leave", { gpus: 2 })));
      yield* waitUntil("the job", () => yard.up === 2);
      const job = machine.shows({ environment: {} });
      yield* run(job, told);
      assert.strictEqual(yard.survivors, 0, "nobody was left when the next one began");
      assert.strictEqual((yield* Fiber.join(leaving)).exitCode, 0);
    }),
  );

  live("that somebody without a lease uses is not given away", (machine) =>
    Effect.gen(function* () {
      const told: Array<string> = [];
      machine.has("GPU-aaaa-1, 500.5", "GPU-bbbb-2, [N/A]");
      machine.say("apps.csv", "GPU-bbbb-2, 4711\n[N/A], [N/A]\n");
      const job = machine.shows();
      const waiting = yield* Effect.forkChild(run(job, told));
      yield* waitUntil("the news", () => told.length > 0);
      assert.deepStrictEqual(told, [
        "waiting for 1 GPU: of 2, 2 are in use by somebody without a lease",
      ]);
      machine.say("apps.csv", "");
      yield* Fiber.join(waiting);
      assert.strictEqual(log(job), "GPU-bbbb-2\n");
    }),
  );
});

describe("a share of a GPU", () => {
  const ended = (owners: ReadonlyArray<ReturnType<typeof startOwner>>) =>
    waitUntil("their end", () => owners.every(({ exitCode }) => exitCode !== null)).pipe(
      Effect.tap(() =>
        Effect.sync(() => owners.forEach((each) => assert.strictEqual(each.exitCode, 0))),
      ),
    );

  live("of an eighth is had by eight at once and never by nine", (machine) =>
    Effect.gen(function* () {
      machine.has("GPU-aaaa-1, 0");
      const owners = [6, 5, 5].map((count) =>
        startOwner(
          machine.options,
          Array.from({ length: count }, () => machine.holds({ gpus: 0.125 })),
        ),
      );
      yield* waitUntil("eight at once", () => machine.holding === 8);
      yield* Effect.promise(() => setTimeout(500));
      assert.strictEqual(machine.holding, 8, "the others wait");
      machine.letGo();
      yield* ended(owners);
      assert.strictEqual(machine.holding, 16);
      assert.deepStrictEqual(machine.most, { "GPU-aaaa-1": 8 });
    }),
  );

  live("is one of several sizes, which together are never more than a GPU", (machine) =>
    Effect.gen(function* () {
      machine.letGo();
      const sizes = [0.5, 0.875, 0.25, 1, 0.125, 0.625, 2, 0.375, 0.75];
      const owners = [0, 3, 6].map((first) =>
        startOwner(
          machine.options,
          [...sizes.slice(first), ...sizes.slice(0, first)].map((gpus) => machine.holds({ gpus })),
        ),
      );
      yield* ended(owners);
      assert.strictEqual(machine.holding, 27);
      assert.deepStrictEqual(machine.most, { "GPU-aaaa-1": 8, "GPU-bbbb-2": 8 });
    }),
  );

  live("and a whole one wait for each other", (machine) =>
    Effect.gen(function* () {
      machine.has("GPU-aaaa-1, 0");
      const begin = Effect.fnUntraced(function* (gpus: number, until: string) {
        const told: Array<string> = [];
        const fiber = yield* Effect.forkChild(run(machine.holds({ gpus }, until), told));
        return { told, fiber };
      });
      const first = yield* begin(0.125, "first");
      const second = yield* begin(0.5, "second");
      yield* waitUntil("both share it", () => machine.holding === 2);
      const whole = yield* begin(1, "whole");
      yield* waitUntil("the news", () => whole.told.length > 0);
      assert.deepStrictEqual(whole.told, ["waiting for 1 GPU: the only one is leased"]);
      machine.letGo("first");
      yield* Fiber.join(first.fiber);
      yield* Effect.promise(() => setTimeout(300));
      assert.strictEqual(machine.holding, 2, "the second still has its share");
      machine.letGo("second");
      yield* waitUntil("the whole one", () => machine.holding === 3);
      const third = yield* begin(0.125, "third");
      yield* waitUntil("the news", () => third.told.length > 0);
      assert.deepStrictEqual(third.told, ["waiting for 0.125 of a GPU: the only one is too full"]);
      machine.letGo("whole");
      machine.letGo("third");
      for (const { fiber } of [second, whole, third]) yield* Fiber.join(fiber);
      assert.deepStrictEqual(machine.most, { "GPU-aaaa-1": 8 });
    }),
  );

  live("is of the fullest GPU that has room, whatever our own jobs look like there", (machine) =>
    Effect.gen(function* () {
      const holders: Array<Fiber.Fiber<unknown, unknown>> = [];
      const taken: Array<string> = [];
      const hold = Effect.fnUntraced(function* (gpus: number) {
        const count = machine.holding;
        holders.push(yield* Effect.forkChild(run(machine.holds({ gpus }))));
        yield* waitUntil(`${gpus}`, () => machine.holding === count + 1);
        taken.push(machine.yard.text("ledger").trim().split("\n").at(-1)!);
      });
      machine.has("GPU-aaaa-1, 30000", "GPU-bbbb-2, 0");
      yield* hold(0.125);
      machine.has("GPU-aaaa-1, 0", "GPU-bbbb-2, 30000");
      machine.say("apps.csv", "GPU-bbbb-2, 4711\n");
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
      const told: Array<string> = [];
      const waiting = yield* Effect.forkChild(run(machine.shows({ gpus: 0.25 }), told));
      yield* waitUntil("the news", () => told.length > 0);
      assert.deepStrictEqual(told, ["waiting for 0.25 of a GPU: all 2 are too full"]);
      machine.say("apps.csv", "");
      machine.letGo();
      yield* Effect.forEach(holders, Fiber.join);
      yield* Fiber.join(waiting);
    }),
  );

  live("is not of a GPU that somebody without a lease uses", (machine) =>
    Effect.gen(function* () {
      machine.has("GPU-aaaa-1, 30000");
      const told: Array<string> = [];
      const waiting = yield* Effect.forkChild(run(machine.shows({ gpus: 0.5 }), told));
      yield* waitUntil("the news", () => told.length > 0);
      assert.deepStrictEqual(told, [
        "waiting for 0.5 of a GPU: of 1, 1 is in use by somebody without a lease",
      ]);
      machine.has("GPU-aaaa-1, 0");
      yield* Fiber.join(waiting);
    }),
  );

  it(
    "is what a plan says it is, where there is no GPU",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        'name: e\nstages: { a: { use: command, with: { run: "true" }, resources: { gpus: 0.125 } } }',
      );
      rig.write("nvidia-smi", "#!/bin/sh\n");
      chmodSync(rig.path("nvidia-smi"), 0o755);
      const PATH = [rig.directory, process.env["PATH"]].join(delimiter);
      const { code, stderr } = await rig.start(["run", "e.yaml"], { PATH }).ended;
      assert.strictEqual(code, 2);
      assert.include(stderr, "`a` asks for 0.125 of a GPU; this machine has 0 GPUs");
    }),
  );
});

describe("CUDA_VISIBLE_DEVICES", () => {
  const TABLE: ReadonlyArray<readonly [visible: string, seen: ReadonlyArray<string>]> = [
    ["1", ["GPU-bbbb-2"]],
    ["1,0", ["GPU-bbbb-2", "GPU-aaaa-1"]],
    ["0, 1", ["GPU-aaaa-1", "GPU-bbbb-2"]],
    ["GPU-bbbb-2,GPU-aaaa-1", ["GPU-bbbb-2", "GPU-aaaa-1"]],
    ["GPU-b", ["GPU-bbbb-2"]],
    ["0,0", ["GPU-aaaa-1"]],
    ["0,7,1", ["GPU-aaaa-1"]],
    ["0,-1,1", ["GPU-aaaa-1"]],
    ["GPU-", []],
    ["bbbb", []],
    ["-1", []],
    ["", []],
  ];

  live("of ours says which GPUs there are, in all its forms", (machine) =>
    Effect.gen(function* () {
      for (const [visible, seen] of TABLE) {
        vi.stubEnv("CUDA_VISIBLE_DEVICES", visible);
        const { count } = yield* machineResources().gpus;
        assert.strictEqual(count, seen.length, visible);
        if (seen.length > 0) {
          const job = machine.shows({ gpus: seen.length });
          yield* run(job);
          assert.strictEqual(log(job), `${seen.join(",")}\n`, visible);
        }
        const error = yield* Effect.flip(run(machine.shows({ gpus: seen.length + 1 })));
        assert.strictEqual(error._tag, "JobNotStarted");
        assert.include(error.message, `may use ${seen.length}`);
        assert.include(error.message, `\`${visible}\``);
      }
      vi.stubEnv("CUDA_VISIBLE_DEVICES", undefined);
      assert.deepStrictEqual(yield* machineResources().gpus, { count: 2, why: null });
    }),
  );

  live("may name parts of a GPU, of which a program can use one", (machine) =>
    Effect.gen(function* () {
      machine.has("GPU-aaaa-1, 30000, Enabled", "GPU-bbbb-2, 0, Disabled");
      machine.say(
        "list",
        `GPU 0: NVIDIA A100 (UUID: GPU-aaaa-1)
  MIG 3g.20gb     Device  0: (UUID: MIG-1111)
  MIG 3g.20gb     Device  1: (UUID: MIG-GPU-aaaa-1/2/0)
GPU 1: NVIDIA A100 (UUID: GPU-bbbb-2)
`,
      );
      assert.deepStrictEqual(yield* machineResources().gpus, { count: 3, why: null });
      const expected = {
        "MIG-1": "MIG-1111",
        "MIG-GPU-aaaa-1/2/0": "MIG-GPU-aaaa-1/2/0",
        "GPU-aaaa-1": "MIG-1111",
        "0": "MIG-1111",
        "1": "GPU-bbbb-2",
      };
      for (const [visible, seen] of Object.entries(expected)) {
        vi.stubEnv("CUDA_VISIBLE_DEVICES", visible);
        const job = machine.shows();
        yield* run(job);
        assert.strictEqual(log(job), `${seen}\n`);
      }
      vi.stubEnv("CUDA_VISIBLE_DEVICES", undefined);
      const error = yield* Effect.flip(run(machine.shows({ gpus: 2 })));
      assert.include(error.message, "may use 1");
    }),
  );

  live("is Slurm's where Slurm gave us GPUs, and empty for a job that wants none", (machine) =>
    Effect.gen(function* () {
      const jobs = [1, 0.125, 0].map((gpus) => machine.shows({ gpus }));
      const owner = startOwner(machine.options, jobs, {
        SLURM_JOB_ID: "7",
        CUDA_VISIBLE_DEVICES: "3",
      });
      yield* waitUntil("its end", () => owner.exitCode !== null);
      assert.deepStrictEqual(jobs.map(log), ["3\n", "3\n", "\n"]);
      assert.isFalse(machine.yard.has("bin/asked"), "nvidia-smi was not needed");
    }),
  );
});

describe("without GPUs, the reason is told:", () => {
  const refused = (machine: Machine) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(machine.shows()));
      assert.strictEqual(error._tag, "JobNotStarted");
      return error;
    });

  live("no nvidia-smi", (machine) =>
    Effect.gen(function* () {
      rmSync(join(machine.bin, "nvidia-smi"));
      const { message, fix } = yield* refused(machine);
      assert.include(message, "nvidia-smi");
      assert.include(fix, "driver");
      const { count, why } = yield* machineResources().gpus;
      assert.strictEqual(count, 0);
      assert.include(why, "nvidia-smi");
    }),
  );

  live("an nvidia-smi that fails", (machine) =>
    Effect.gen(function* () {
      machine.say("broken", "Failed to initialize NVML: Driver/library version mismatch\n");
      const { message } = yield* refused(machine);
      assert.include(message, "version mismatch");
      rmSync(join(machine.bin, "broken"));
      const job = machine.shows();
      yield* run(job);
      assert.strictEqual(log(job), "GPU-aaaa-1\n", "and is asked again");
    }),
  );

  live("an nvidia-smi that never answers ends with the job", (machine) =>
    Effect.gen(function* () {
      machine.say("slow", "");
      const waiting = yield* Effect.forkChild(run(machine.shows()));
      yield* waitUntil("the question", () => machine.yard.has("bin/asked"));
      yield* Fiber.interrupt(waiting);
      rmSync(join(machine.bin, "slow"));
      yield* run(machine.shows());
    }),
  );

  live("locks that are not what they should be", (machine) =>
    Effect.gen(function* () {
      const victim = join(machine.yard.directory, "victim");
      symlinkSync(machine.yard.directory, machine.leases);
      assert.include((yield* refused(machine)).message, machine.leases);
      rmSync(machine.leases);
      mkdirSync(machine.leases);
      symlinkSync(victim, join(machine.leases, "GPU-aaaa-1.0"));
      const { message, fix } = yield* refused(machine);
      assert.include(message, join(machine.leases, "GPU-aaaa-1.0"));
      assert.include(fix, "remove");
      assert.isFalse(machine.yard.has("victim"));
    }),
  );
});

live("the locks are every user's, whatever our umask", (machine) =>
  Effect.gen(function* () {
    const mask = process.umask(0o077);
    yield* run(machine.shows()).pipe(Effect.ensuring(Effect.sync(() => void process.umask(mask))));
    const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8);
    assert.strictEqual(mode(machine.leases), "1777");
    assert.strictEqual(mode(join(machine.leases, "GPU-aaaa-1.7")), "666");
    assert.strictEqual(mode(join(machine.leases, "allocator")), "666");
  }),
);

it("a machine has processors and memory", () => {
  const { cpus, memoryBytes } = machineResources();
  assert.isAtLeast(cpus, 1);
  assert.isAbove(memoryBytes, 1e8);
  assert.isBelow(memoryBytes, 1e15, "no limit is not a limit");
});
