/** The GPUs of a machine, and the reasons why a job gets none. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import fs from "node:fs";
import path from "node:path";
import { vi } from "vitest";
import { machineCapacity } from "../../executors/machineCapacity.ts";
import { live, log, type Machine, run } from "./gpuMachine.ts";
import { startOwner, waitUntil } from "./rig.ts";

describe("CUDA_VISIBLE_DEVICES", () => {
  const visibleUnits: ReadonlyArray<readonly [visible: string, seen: ReadonlyArray<string>]> = [
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

  live("of pipe selects GPUs, in all its forms", (machine) =>
    Effect.gen(function* () {
      for (const [visible, seen] of visibleUnits) {
        vi.stubEnv("CUDA_VISIBLE_DEVICES", visible);
        const { gpus: count } = yield* machineCapacity(true);
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
      assert.include(yield* machineCapacity(true), { gpus: 2, why: null });
    }),
  );

  live("may name MIG devices, of which a job gets one", (machine) =>
    Effect.gen(function* () {
      machine.setGpus("GPU-aaaa-1, 30000, Enabled", "GPU-bbbb-2, 0, Disabled");
      machine.write(
        "list",
        `GPU 0: NVIDIA A100 (UUID: GPU-aaaa-1)
  MIG 3g.20gb     Device  0: (UUID: MIG-1111)
  MIG 3g.20gb     Device  1: (UUID: MIG-GPU-aaaa-1/2/0)
GPU 1: NVIDIA A100 (UUID: GPU-bbbb-2)
`,
      );
      assert.include(yield* machineCapacity(true), { gpus: 3, why: null });
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

  live("is Slurm's under Slurm, and empty for a job without GPUs", (machine) =>
    Effect.gen(function* () {
      const jobs = [1, 0.125, 0].map((gpus) => machine.shows({ gpus }));
      const owner = startOwner(machine.options, jobs, {
        SLURM_JOB_ID: "7",
        CUDA_VISIBLE_DEVICES: "3",
      });
      yield* waitUntil("its end", () => owner.exitCode !== null);
      assert.deepStrictEqual(jobs.map(log), ["3\n", "3\n", "\n"]);
      assert.isFalse(machine.sandbox.has("bin/asked"), "nvidia-smi was not needed");
    }),
  );
});

describe("a job that gets no GPU is refused with a reason:", () => {
  const refused = (machine: Machine) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(machine.shows()));
      assert.strictEqual(error._tag, "JobNotStarted");
      return error;
    });

  live("no nvidia-smi", (machine) =>
    Effect.gen(function* () {
      fs.rmSync(path.join(machine.bin, "nvidia-smi"));
      const { message, fix } = yield* refused(machine);
      assert.include(message, "nvidia-smi");
      assert.include(fix, "driver");
      const { gpus, why } = yield* machineCapacity(true);
      assert.strictEqual(gpus, 0);
      assert.include(why, "nvidia-smi");
    }),
  );

  live("an nvidia-smi that fails", (machine) =>
    Effect.gen(function* () {
      machine.write("broken", "Failed to initialize NVML: Driver/library version mismatch\n");
      const { message } = yield* refused(machine);
      assert.include(message, "version mismatch");
      fs.rmSync(path.join(machine.bin, "broken"));
      const job = machine.shows();
      yield* run(job);
      assert.strictEqual(log(job), "GPU-aaaa-1\n", "and is asked again");
    }),
  );

  live("an nvidia-smi that hangs, until the job is interrupted", (machine) =>
    Effect.gen(function* () {
      machine.write("slow", "");
      const waiting = yield* Effect.forkChild(run(machine.shows()));
      yield* waitUntil("the question", () => machine.sandbox.has("bin/asked"));
      yield* Fiber.interrupt(waiting);
      fs.rmSync(path.join(machine.bin, "slow"));
      yield* run(machine.shows());
    }),
  );

  live("locks that are links", (machine) =>
    Effect.gen(function* () {
      const victim = path.join(machine.sandbox.directory, "victim");
      fs.symlinkSync(machine.sandbox.directory, machine.leases);
      assert.include((yield* refused(machine)).message, machine.leases);
      fs.rmSync(machine.leases);
      fs.mkdirSync(machine.leases);
      fs.symlinkSync(victim, path.join(machine.leases, "GPU-aaaa-1.0"));
      const { message, fix } = yield* refused(machine);
      assert.include(message, path.join(machine.leases, "GPU-aaaa-1.0"));
      assert.include(fix, "remove");
      assert.isFalse(machine.sandbox.has("victim"));
    }),
  );
});

it.effect("the machine has processors and memory, and asks for no GPUs unless it must", () =>
  Effect.gen(function* () {
    const { cpus, memory, gpus } = yield* machineCapacity(false);
    assert.isAtLeast(cpus, 1);
    assert.isAbove(memory, 1e8);
    assert.isBelow(memory, 1e15, "no limit is not a limit");
    assert.strictEqual(gpus, 0);
  }),
);
