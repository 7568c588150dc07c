/** A machine with GPUs for tests, by a stub of `nvidia-smi`, and jobs that use them. */
import { it } from "@effect/vitest";
import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { vi } from "vitest";
import { jobEnvironment } from "../../executors/environment.ts";
import { type Executor, type Job, runJob } from "../../executors/Executor.ts";
import { Local } from "../../executors/Local.ts";
import { inSandbox, type Sandbox, waitUntil } from "./rig.ts";

/** A machine with the GPUs that the stub of `nvidia-smi` prints, and a directory of locks. */
export class Machine {
  readonly sandbox: Sandbox;
  readonly bin: string;
  readonly leases: string;

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.bin = path.join(sandbox.directory, "bin");
    this.leases = path.join(sandbox.directory, "leases");
    fs.mkdirSync(this.bin);
    fs.copyFileSync(
      path.join(import.meta.dirname, "programs/nvidia-smi"),
      path.join(this.bin, "nvidia-smi"),
    );
    this.setGpus("GPU-aaaa-1, 0", "GPU-bbbb-2, 0");
    this.write("apps.csv", "");
    vi.stubEnv("PATH", [this.bin, process.env["PATH"]].join(path.delimiter));
    vi.stubEnv("CUDA_VISIBLE_DEVICES", undefined);
    vi.stubEnv("SLURM_JOB_ID", undefined);
    jobEnvironment({ cpus: 1, gpus: 1, environment: {} }); // reads our own environment once, before tests stub more
  }

  write(file: string, text: string): void {
    fs.writeFileSync(path.join(this.bin, file), text);
  }

  /** GPUs as "uuid, used MiB" or "uuid, used MiB, MIG mode". */
  setGpus(...gpus: ReadonlyArray<string>): void {
    const lines = gpus.map(
      (gpu, index) => `${index}, ${gpu}${gpu.split(",")[2] ? "" : ", [N/A]"}\n`,
    );
    this.write("gpus.csv", lines.join(""));
  }

  get options() {
    return { grace: "300 millis", leftoverGrace: "100 millis", leases: this.leases } as const;
  }

  get local() {
    return Local.layerWith(this.options);
  }

  /** A job in a directory of its own, with the stubbed variables: `pipe` reads its own environment only once. */
  job(script: string, more: Partial<Job> = {}): Job {
    const id = randomUUID();
    const directory = path.join(this.sandbox.directory, id);
    fs.mkdirSync(directory);
    const { PATH, CUDA_VISIBLE_DEVICES: visible } = process.env;
    const environment = {
      PATH: PATH!,
      ...(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }),
      ...(more.environment ?? this.sandbox.environment),
    };
    return this.sandbox.shell(script, { id, directory, gpus: 1, ...more, environment });
  }

  /** A job that prints the GPUs it sees. */
  shows(more: Partial<Job> = {}): Job {
    return this.job('echo "$CUDA_VISIBLE_DEVICES"', more);
  }

  /** A job that lasts until `release`, and writes to `ledger` the eighths of each GPU that it takes and returns. */
  holds(more: Partial<Job> = {}, until = "go"): Job {
    const eighths = Math.min(more.gpus ?? 1, 1) * 8;
    const book = (amount: number) =>
      `for gpu in $(echo $CUDA_VISIBLE_DEVICES | tr , ' '); do echo $gpu ${amount} >> ledger; done`;
    const script = `${book(eighths)}; echo >> holding; while [ ! -e ${until} ]; do sleep 0.01; done; ${book(-eighths)}`;
    return this.job(script, more);
  }

  release(until = "go"): void {
    fs.writeFileSync(path.join(this.sandbox.directory, until), "");
  }

  /** The maximum that was taken of each GPU, in eighths. */
  get maximum(): Readonly<Record<string, number>> {
    const taken: Record<string, number> = {};
    const maximum: Record<string, number> = {};
    for (const line of this.sandbox.text("ledger").trim().split("\n")) {
      const [gpu, amount] = line.split(" ") as [string, string];
      taken[gpu] = (taken[gpu] ?? 0) + Number(amount);
      maximum[gpu] = Math.max(maximum[gpu] ?? 0, taken[gpu]);
    }
    return maximum;
  }

  get holding(): number {
    return this.sandbox.text("holding").length;
  }
}

export const log = (job: Job): string => fs.readFileSync(path.join(job.directory, "log"), "utf8");

export const run = (job: Job, messages: Array<string> = []) =>
  runJob(job, (event) =>
    Effect.sync(() => void messages.push(event.event === "log" ? event.message : event.event)),
  );

export const live = (
  what: string,
  test: (machine: Machine) => Effect.Effect<void, unknown, Executor>,
) =>
  it.live(what, () =>
    inSandbox((sandbox) => {
      const machine = new Machine(sandbox);
      return test(machine).pipe(
        Effect.provide(machine.local),
        Effect.ensuring(Effect.sync(() => vi.unstubAllEnvs())),
      );
    }),
  );

/** Starts a job that has to wait, and returns when it has reported why. */
export const waits = Effect.fnUntraced(function* (job: Job) {
  const messages: Array<string> = [];
  const waiting = yield* Effect.forkChild(run(job, messages));
  yield* waitUntil("a reason to wait", () => messages.length > 0);
  return { messages, waiting };
});
