/** What this machine has for jobs, within the limits that a container or a batch system puts on this process. */
import { Effect } from "effect";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { anyPython } from "./interpreters.ts";
import { root } from "./root.ts";

export interface GpuCount {
  /** How many GPUs a job may be leased at most: those of the machine that CUDA_VISIBLE_DEVICES names, if it is set. */
  readonly count: number;
  /** Why the machine's GPUs could not be counted, as a sentence; `count` is 0 then. */
  readonly why: string | null;
}

export interface MachineResources {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Takes up to some seconds, since it asks `nvidia-smi`: only for a plan in which somebody wants a GPU. */
  readonly gpus: Effect.Effect<GpuCount>;
}

/** Node itself looks at affinity and at the control group: its processor quota and its memory limit, v1 and v2. */
export const machineResources = (): MachineResources => ({
  cpus: availableParallelism(),
  memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Infinity),
  gpus: Effect.promise(countGpus),
});

const countGpus = async (): Promise<GpuCount> => {
  const { execa } = await import("execa"); // takes 40 ms, which a plan without GPUs can do without
  const { failed, stdout, shortMessage } = await execa(
    anyPython(),
    ["-I", "-S", join(root, "executors/gpu_lease.py")],
    { reject: false },
  );
  return failed
    ? { count: 0, why: `its GPUs could not be counted: ${shortMessage}` }
    : (JSON.parse(stdout) as GpuCount);
};
