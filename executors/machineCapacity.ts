/** Processors, memory and GPUs of this machine for jobs, within the limits of a container or batch system. */
import { Effect } from "effect";
import os from "node:os";
import path from "node:path";
import { root } from "../schemas/root.ts";
import type { JobCapacity } from "./Executor.ts";
import { anyPython } from "./interpreters.ts";
import { printedJson } from "./printedJson.ts";

/**
 * The largest job that this machine can take. Node heeds affinity and the control group's processor quota and memory limit,
 * v1 and v2. GPUs are those that jobs may lease: those that CUDA_VISIBLE_DEVICES names, or all. Without `withGpus` they
 * are 0, since counting them runs `nvidia-smi` for up to some seconds.
 */
export const machineCapacity = (withGpus: boolean): Effect.Effect<JobCapacity> =>
  Effect.map(
    withGpus ? Effect.promise(countGpus) : Effect.succeed({ count: 0, why: null }),
    ({ count, why }) => ({
      place: "this machine",
      node: "this machine",
      cpus: os.availableParallelism(),
      memory: Math.min(os.totalmem(), process.constrainedMemory() || Infinity),
      gpus: count,
      nodes: 1,
      why,
    }),
  );

interface GpuCount {
  readonly count: number;
  /** The reason, as a sentence, why the GPUs could not be counted; `count` is 0 then. */
  readonly why: string | null;
}

const countGpus = async (): Promise<GpuCount> => {
  const { execa } = await import("execa"); // takes 40 ms, and a plan without GPUs does not need it
  const { failed, stdout, shortMessage } = await execa(
    anyPython(),
    ["-I", "-S", path.join(root, "executors/gpus.py")],
    { reject: false },
  );
  const counted = failed ? undefined : printedJson<GpuCount>(stdout);
  const problem = failed ? shortMessage : `${anyPython()} printed other text than a count`;
  return counted ?? { count: 0, why: `its GPUs could not be counted: ${problem}` };
};
