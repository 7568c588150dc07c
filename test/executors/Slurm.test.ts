/** The Slurm executor on a real Slurm: the contract of executors, and jobs that fall silent. */
import { assert, it } from "@effect/vitest";
import { Duration, Effect, Fiber, Layer } from "effect";
import fs from "node:fs";
import path from "node:path";
import { afterAll, describe, vi } from "vitest";
import { type JobEnd, type JobError, JobLost, runJob } from "../../executors/Executor.ts";
import { slurmLayer } from "../../executors/slurm/Slurm.ts";
import type { SlurmSite } from "../../schemas/Site.ts";
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
  const impatient = (more: Partial<SlurmSite> = {}) =>
    slurmLayer({ site: { ...site, ...more }, isDetached: () => false, silenceSeconds });

  /** Fails unless the job is lost for its silence. */
  const isLost = Effect.fnUntraced(function* (running: Effect.Effect<JobError, JobEnd>) {
    const lost = yield* running;
    assert.instanceOf(lost, JobLost);
    assert.include(
      lost.message,
      `has given no sign of life for ${silenceSeconds} s, although Slurm calls it RUNNING`,
    );
    assert.include(lost.fix, "continues from the last checkpoint");
  });

  it.live(
    "a job whose heart has stopped is lost and cancelled, though Slurm calls it running",
    () =>
      inSandbox((sandbox) =>
        Effect.gen(function* () {
          const job = sandbox.shell("echo $PPID > reaper; exec sleep 600");
          const running = yield* Effect.forkChild(Effect.flip(runJob(job, () => Effect.void)));
          yield* waitUntil("it runs", () => sandbox.text("reaper").endsWith("\n"));
          yield* waitUntil("its heart beats", () => sandbox.has("heartbeat"));
          const reaper = Number(sandbox.text("reaper"));
          // as on a node that hangs: the process lives, and beats no more
          process.kill(reaper, "SIGSTOP");
          yield* isLost(Fiber.join(running));
          process.kill(reaper, "SIGCONT");
          yield* waitUntil("it is cancelled", () => cluster.active === 0);
        }),
      ).pipe(Effect.provide(impatient())),
  );

  it.live("so is a job that hangs before its heart begins to beat", () =>
    inSandbox((sandbox) =>
      Effect.gen(function* () {
        const hanging = path.join(sandbox.directory, "python");
        fs.writeFileSync(hanging, "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
        const running = Effect.flip(runJob(sandbox.shell("true"), () => Effect.void));
        yield* isLost(running.pipe(Effect.provide(impatient({ python: hanging }))));
        yield* waitUntil("it is cancelled", () => cluster.active === 0);
      }),
    ),
  );

  it.live("a job that Slurm suspends is no silent one, and ends once it is resumed", () =>
    inSandbox((sandbox) =>
      Effect.gen(function* () {
        const job = sandbox.shell("touch runs; until [ -e go ]; do sleep .1; done");
        const running = yield* Effect.forkChild(runJob(job, () => Effect.void));
        yield* waitUntil("it runs", () => sandbox.has("runs"));
        const [task = ""] = cluster.ask("squeue", "-h", "-r", "-o", "%i").split("\n");
        cluster.ask("scontrol", "suspend", task);
        yield* Effect.sleep(Duration.seconds(2 * silenceSeconds));
        fs.writeFileSync(path.join(sandbox.directory, "go"), "");
        cluster.ask("scontrol", "resume", task);
        assert.strictEqual((yield* Fiber.join(running)).exitCode, 0);
      }),
    ).pipe(Effect.provide(impatient())),
  );
});
