/** The workload of `grpo`, without that of surrogates that ask another model. */
import { activationBytes, forwardFlops, textBytes, trainingPasses } from "./cost/costModel.ts";
import type { ModelShape } from "./cost/ModelShape.ts";
import {
  meanResponse,
  noLength,
  noModel,
  promptTokens,
  type Surrounded,
  workload,
} from "./cost/Workload.ts";
import { gpuMemory } from "./gpuMemory.ts";
import { Grpo, type GrpoParams } from "./Grpo.ts";

/** float32 with gradient and both moments, and the reference's weights; in each of two checkpoints 12 bytes. */
const trainedBytes = 16;
const checkpointBytes = 2 * 12;

/** verl shares weights and moments among the devices (FSDP); vLLM has its share beside them, unless they wait in main memory. */
const memoryOf = (params: GrpoParams, model: ModelShape, longest: number, around: Surrounded) => {
  const isVerl = params.trainer === "verl";
  const { machine, devices } = around;
  const number = machine.memory === undefined ? 4 : 2;
  const reference = params.kl.kind === "none" ? 0 : number * model.parameters;
  const weights =
    (trainedBytes * model.parameters + reference) / (isVerl ? Math.max(1, devices) : 1);
  const update = activationBytes(model, {
    tokens: params.batch * longest,
    isCheckpointed: isVerl,
    bytesPerNumber: number,
    // bfloat16: logits, their logarithms and the gradient.
    bytesPerLogit: 6,
  });
  const vllm = isVerl ? gpuMemory(params.verl.gpu_memory, devices) * (machine.memory ?? 0) : 0;
  const sampling = vllm + (params.verl.offload ? 0 : weights);
  // One layer's weights are gathered at a time; all of them in the work of the update's largest moment, the head.
  return Math.max(sampling, weights + update);
};

export const grpoWorkload = workload(Grpo, {
  of: (params, around) => {
    const { model, responseTokens } = around;
    if (model === undefined) return noModel;
    const response = meanResponse(params.max_tokens, responseTokens);
    if (response === undefined) return noLength;
    const prompt = promptTokens(model);
    const responses = params.steps * params.prompts_per_step * params.group;
    const tokens = responses * response;
    const all = responses * (prompt + response);
    const flops = forwardFlops(model, prompt + response);
    const isVerl = params.trainer === "verl";
    // verl computes the probabilities that the sampler gave again.
    const readings = (isVerl ? 1 : 0) + (params.kl.kind === "none" ? 0 : 1);
    return {
      program: isVerl ? "verl" : "transformers",
      compute: {
        [isVerl ? "writing-vllm" : "writing"]: tokens * flops,
        reading: readings * all * flops,
        training: params.epochs * trainingPasses(1, false) * all * flops,
      },
      tokens,
      memory: memoryOf(params, model, prompt + (params.max_tokens ?? response), around),
      // verl saves bfloat16.
      disk: ((isVerl ? 2 : 4) + checkpointBytes) * model.parameters + textBytes(tokens),
    };
  },
});
