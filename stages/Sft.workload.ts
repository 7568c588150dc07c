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
const frozenBytes = 4;

/**
 * With sharding the embedding and the output layer are whole at a time: weights and gradients in bfloat16, gradients again in float32,
 * in which they are added up.
 */
const gatheredBytes = (model: ModelShape): number => 8 * 2 * model.vocabulary * model.width;

/** A forward pass and a backward pass, or what NGDiff makes of them; without gradients of most weights a backward pass costs half. */
const passes = (params: SftParams, isLora: boolean): number => {
  const isHidden = params.loss.kind === "ngdiff" && !isApart(params);
  const hasFewGradients = isLora || params.freeze === "text";
  return trainingPasses(isApart(params) ? 2 : 1, hasFewGradients) + (isHidden ? 1 : 0);
};

/** A vision tower is a fifth of the weights of a Qwen3-VL of two billion, and less of a larger one. */
const trainedWeights = ({ parameters }: ModelShape, { freeze }: SftParams): number =>
  freeze === "text" ? parameters / 5 : parameters;

/** A caption is less than a tenth of a transcript. */
const learnedShare = ({ learn }: SftParams): number => (learn === "caption" ? 0.1 : 1);

/** Both moments of a checkpoint, in float32. */
const momentBytes = 8;
/** `trainer: pipe` keeps two checkpoints, LLaMA-Factory one. */
const checkpoints = { pipe: 2, llamafactory: 1 };

const weightBytes = (model: ModelShape, params: SftParams) => {
  const { trainer, llamafactory } = params;
  const kept = checkpoints[trainer];
  if (trainer === "pipe" || llamafactory.finetuning.kind === "full") {
    const trained = trainedWeights(model, params);
    const frozen = model.parameters - trained;
    return {
      memory:
        (trainedBytes(params) * trained) / shards(params) +
        frozenBytes * frozen +
        (shards(params) > 1 ? gatheredBytes(model) : 0),
      // The model and its checkpoints hold every weight in float32.
      disk: (1 + kept) * 4 * model.parameters + kept * momentBytes * trained,
    };
  }
  const factors = loraWeights(model, llamafactory.finetuning.rank);
  return {
    memory: 2 * model.parameters + trainedBytes(params) * factors,
    disk: 2 * model.parameters + kept * (4 + momentBytes) * factors,
  };
};

/** Bytes of activations up to which `trainer: pipe` recomputes none (`ROOM` in `trainers/hub_policy.py`). */
const room = 8 * 2 ** 30;

export const sftWorkload = workload(Sft, {
  shape: ({ trainer, model }) => (trainer === "pipe" ? microShapes[model.size] : undefined),
  of: (params, { model, machine, responseTokens }) => {
    if (model === undefined) return noModel;
    const { trainer, llamafactory, steps, batch, accumulate } = params;
    const isPipe = trainer === "pipe";
    const assumed =
      responseTokens === undefined
        ? undefined
        : promptTokens(model) + learnedShare(params) * responseTokens;
    const longest = isPipe ? assumed : llamafactory.longest;
    if (longest === undefined) return noLength;
    const sequence = Math.min(longest, assumed ?? longest);
    const tokens = steps * batch * accumulate * sequence;
    const isLora = !isPipe && llamafactory.finetuning.kind === "lora";
    const bytes = weightBytes(model, params);
    const held = {
      tokens: batch * longest,
      bytesPerNumber: machine.memory === undefined ? 4 : 2,
      // As bfloat16, as float32 for the loss, and the gradient.
      bytesPerLogit: 10,
    };
    const layers = { ...held, bytesPerLogit: 0, isCheckpointed: false };
    const hasRoom = model.isMicro === true || (isPipe && activationBytes(model, layers) <= room);
    const activations = activationBytes(model, { ...held, isCheckpointed: !hasRoom });
    return {
      program: isPipe ? "transformers" : trainer,
      compute: { training: passes(params, isLora) * tokens * forwardFlops(model, sequence) },
      tokens,
      memory: bytes.memory + activations,
      disk: bytes.disk,
    };
  },
});
