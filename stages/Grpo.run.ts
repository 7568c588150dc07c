import { Grpo, type GrpoParams, surrogatesOf } from "./Grpo.ts";
import { pipeOnly } from "./grpoVerl.ts";
import { gpuMemory } from "./gpuMemory.ts";
import { keyVariables } from "./sampling.ts";
import type { Resources } from "./Stage.ts";
import { trainerRun } from "./trainer.ts";

/** Each trainer gets its own params: those of the other mean nothing to it. */
export const grpoJob = (
  { trainer, verl, ...params }: GrpoParams,
  { gpus }: Pick<Resources, "gpus">,
) =>
  trainer === "pipe"
    ? { trainer: "grpo", params }
    : {
        trainer: "grpo_verl",
        params: {
          ...withoutPipeOnly(params),
          ...verl,
          gpu_memory: gpuMemory(verl.gpu_memory, gpus),
        },
      };

export const grpoRun = trainerRun(Grpo, {
  secrets: (params) => keyVariables(surrogatesOf(params), params),
  job: grpoJob,
});

const withoutPipeOnly = <Params extends object>(params: Params) =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !(name in pipeOnly)));
