/** The workload of `sft`. The length of transcripts is unknown before they are made; `longest` bounds them for LLaMA-Factory. */
import { activationBytes, forwardFlops, loraWeights, trainingPasses } from "./cost/costModel.ts";
import { microShapes, type ModelShape } from "./cost/ModelShape.ts";
import { noLength, noModel, promptTokens, workload } from "./cost/Workload.ts";
import type { ParamsOf } from "./Audit.ts";
import { Sft } from "./Sft.ts";

type SftParams = ParamsOf<typeof Sft>;

/** Processes that the weights are divided among. */
const shards = ({ trainer, llamafactory }: SftParams): number =>
  trainer === "llamafactory" && llamafactory.sharding === "fsdp" ? llamafactory.processes : 1;

/** NGDiff by the gradients of the weights, of which it keeps two; a sharded one goes by those of hidden states. */
const isApart = (params: SftParams): boolean =>
  params.loss.kind === "ngdiff" && shards(params) === 1;

/** float32, with gradient and both moments. */
const trainedBytes = (params: SftParams): number => (isApart(params) ? 20 : 16);

/**
 * With sharding the embedding and the output layer are whole at a time: weights and gradients in bfloat16, gradients again in float32,
 * in which they are added up.
 */
const gatheredBytes = (model: ModelShape): number => 8 * 2 * model.vocabulary * model.width;

/** A forward pass and a backward pass, or what NGDiff makes of them. */
const passes = (params: SftParams, isLora: boolean): number => {
  const isHidden = params.loss.kind === "ngdiff" && !isApart(params);
  return trainingPasses(isApart(params) ? 2 : 1, isLora) + (isHidden ? 1 : 0);
};

/** Weights and moments of a checkpoint, in float32. */
const checkpointBytes = 12;
/** `trainer: pipe` keeps two checkpoints, LLaMA-Factory one. */
const checkpoints = { pipe: 2, llamafactory: 1 };

const weightBytes = (model: ModelShape, params: SftParams) => {
  const { trainer, llamafactory } = params;
  const kept = checkpoints[trainer] * checkpointBytes;
  if (trainer === "pipe" || llamafactory.finetuning.kind === "full")
    return {
      memory:
        (trainedBytes(params) * model.parameters) / shards(params) +
        (shards(params) > 1 ? gatheredBytes(model) : 0),
      // The model is saved as it was trained, in float32.
      disk: (4 + kept) * model.parameters,
    };
  const factors = loraWeights(model, llamafactory.finetuning.rank);
  return {
    memory: 2 * model.parameters + trainedBytes(params) * factors,
    disk: 2 * model.parameters + kept * factors,
  };
};

export const sftWorkload = workload(Sft, {
  shape: ({ trainer, model }) => (trainer === "pipe" ? microShapes[model.size] : undefined),
  of: (params, { model, machine, responseTokens }) => {
    if (model === undefined) return noModel;
    const { trainer, llamafactory, steps, batch, accumulate } = params;
    const isPipe = trainer === "pipe";
    const assumed = responseTokens === undefined ? undefined : promptTokens(model) + responseTokens;
    const longest = isPipe ? assumed : llamafactory.longest;
    if (longest === undefined) return noLength;
    const sequence = Math.min(longest, assumed ?? longest);
    const tokens = steps * batch * accumulate * sequence;
    const isLora = !isPipe && llamafactory.finetuning.kind === "lora";
    const bytes = weightBytes(model, params);
    const activations = activationBytes(model, {
      tokens: batch * longest,
      isCheckpointed: model.isMicro !== true,
      bytesPerNumber: machine.memory === undefined ? 4 : 2,
      // As bfloat16, as float32 for the loss, and the gradient.
      bytesPerLogit: 10,
    });
    return {
      compute: { training: passes(params, isLora) * tokens * forwardFlops(model, sequence) },
      tokens,
      memory: bytes.memory + activations,
      disk: bytes.disk,
    };
  },
});
