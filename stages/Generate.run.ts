import { Generate } from "./Generate.ts";
import { gpuMemory } from "./gpuMemory.ts";
import { trainerRun } from "./trainer.ts";

/** Each trainer gets its own params: vLLM's settings mean nothing to the other. */
export const generateRun = trainerRun(Generate, {
  job: ({ engine, vllm, ...params }, { gpus }) =>
    engine === "transformers"
      ? { trainer: "generate", params }
      : {
          trainer: "generate_vllm",
          params: { ...params, ...vllm, gpu_memory: gpuMemory(vllm.gpu_memory, gpus) },
        },
});
