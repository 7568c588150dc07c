/** The Slurm executor on a real Slurm: the contract of executors, and jobs that fall silent. */
import { assert, it } from "@effect/vitest";
import { Effect, Fiber, Layer } from "effect";
import { afterAll, describe, vi } from "vitest";
import { JobLost, runJob } from "../../executors/Executor.ts";
import { slurmLayer } from "../../executors/slurm/Slurm.ts";
import { canHaveCluster, SlurmCluster } from "../rig/SlurmCluster.ts";
import { executorContract } from "./contract.ts";
import { inSandbox, waitUntil } from "./rig.ts";

const site = { poll_seconds: 2, patience_seconds: 5 };

describe.skipIf(!canHaveCluster)("Slurm", () => {
  if (!canHaveCluster) return;
  const cluster = new SlurmCluster({ SLURM_CPUS: "64", SLURM_KILLWAIT: "30" });
  vi.stubEnv("SLURM_CONF", cluster.environment.SLURM_CONF);
  afterAll(() => cluster.close());

  const withGrace = (grace_seconds: number) =>
    Layer.suspend(() => slurmLayer({ site: { ...site, grace_seconds }, isDetached: () => false }));
  executorContract("the Slurm executor", { impatient: withGrace(1), patient: withGrace(30) });

  const silenceSeconds = 8;
  const impatient = Layer.suspend(() =>
    slurmLayer({ site, isDetached: () => false, silenceSeconds }),
  );
  it.live(
    "a job whose heart has stopped is lost and cancelled, though Slurm calls it running",
    () =>
      inSandbox((sandbox) =>
        Effect.gen(function* () {
          const job = sandbox.shell("echo $PPID > reaper; exec sleep 600");
          const running = yield* Effect.forkChild(Effect.flip(runJob(job, () => Effect.void)));
          yield* waitUntil("it runs", () => sandbox.text("reaper").endsWith("\n"));
          const reaper = Number(sandbox.text("reaper"));
          // as on a node that hangs: the process lives, and beats no more
          process.kill(reaper, "SIGSTOP");
          const lost = yield* Fiber.join(running);
          assert.instanceOf(lost, JobLost);
          assert.include(
            lost.message,
            `has given no sign of life for ${silenceSeconds} s, although Slurm calls it RUNNING`,
          );
          assert.include(lost.fix, "continues from the last checkpoint");
          process.kill(reaper, "SIGCONT");
          yield* waitUntil("it is cancelled", () => cluster.active === 0);
        }),
      ).pipe(Effect.provide(impatient)),
  );
});
