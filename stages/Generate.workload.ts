/** The workload of `generate`. */
import { cacheBytes, forwardFlops, textBytes } from "./cost/costModel.ts";
import { knownRows, noRows } from "./cost/knownRows.ts";
import { meanResponse, noLength, noModel, promptTokens, workload } from "./cost/Workload.ts";
import { Generate, modesOf } from "./Generate.ts";
import { gpuMemory } from "./gpuMemory.ts";

export const generateWorkload = workload(Generate, {
  of: (params, { model, maker, machine, devices, responseTokens }) => {
    if (model === undefined) return noModel;
    const examples = knownRows(maker("data"), params);
    if (examples === undefined) return noRows;
    const rows = examples * modesOf(params).length;
    const response = meanResponse(params.max_tokens, responseTokens);
    if (response === undefined) return noLength;
    const prompt = promptTokens(model);
    const flops = forwardFlops(model, prompt + response);
    const isVllm = params.engine === "vllm";
    const number = machine.memory === undefined ? 4 : 2;
    const longest = prompt + (params.max_tokens ?? response);
    const needed =
      number * model.parameters +
      (isVllm ? 1 : Math.min(params.batch, rows)) * longest * cacheBytes(model, number);
    // vLLM takes its share whether it needs it or not.
    const taken = isVllm ? gpuMemory(params.vllm.gpu_memory, devices) * (machine.memory ?? 0) : 0;
    return {
      program: params.engine,
      compute: {
        reading: rows * prompt * flops,
        [isVllm ? "writing-vllm" : "writing"]: rows * response * flops,
      },
      tokens: rows * response,
      memory: Math.max(needed, taken),
      disk: textBytes(rows * response),
    };
  },
});
