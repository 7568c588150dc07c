/** Processors, memory and GPUs for jobs, within the limits of a container or batch system. */
import { Effect } from "effect";
import os from "node:os";
import path from "node:path";
import { anyPython } from "./interpreters.ts";
import { root } from "../schemas/root.ts";

export interface GpuCount {
  /** Number of GPUs that jobs may lease: those that CUDA_VISIBLE_DEVICES names, or all. */
  readonly count: number;
  /** The reason, as a sentence, why the GPUs could not be counted; `count` is 0 then. */
  readonly why: string | null;
}

export interface MachineResources {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Takes up to some seconds, as it runs `nvidia-smi`: only for a plan with GPUs. */
  readonly gpus: Effect.Effect<GpuCount>;
}

/** Node respects affinity and the control group's processor quota and memory limit, v1 and v2. */
export const machineResources = (): MachineResources => ({
  cpus: os.availableParallelism(),
  memoryBytes: Math.min(os.totalmem(), process.constrainedMemory() || Infinity),
  gpus: Effect.promise(countGpus),
});

const countGpus = async (): Promise<GpuCount> => {
  const { execa } = await import("execa"); // takes 40 ms, and a plan without GPUs does not need it
  const { failed, stdout, shortMessage } = await execa(
    anyPython(),
    ["-I", "-S", path.join(root, "executors/gpus.py")],
    { reject: false },
  );
  return failed
    ? { count: 0, why: `its GPUs could not be counted: ${shortMessage}` }
    : (JSON.parse(stdout) as GpuCount);
};
