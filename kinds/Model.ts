/** Kind `model`: a Hugging Face directory, with the metrics and rollouts of its training where there was one. */
import type { Artifact, Summary } from "../schemas/Artifact.ts";
import type { Digest, Json } from "../schemas/Digest.ts";
import { inputDigests } from "../schemas/KeyParts.ts";
import type { Kind } from "./Kind.ts";
import { rolloutsFiles } from "./Rollouts.ts";

/** A line a step: the step and its metrics. */
export const metricsFile = "metrics.jsonl";

const weights = /\.(?:safetensors|bin|pt|pth|ckpt|gguf|h5|msgpack|onnx)$/u;

/** Weights, and the list of the files that they are divided among. */
export const isOfWeights = (file: string): boolean =>
  weights.test(file) || /\.(?:safetensors|bin)\.index\.json$/u.test(file);

/** Fewer than 100 million weights of two bytes; the smallest published Qwen3-VL has twenty times as many. */
const microBytes = 200e6;

export const isMicro = ({ files }: Pick<Artifact, "files">): boolean =>
  files.reduce((sum, { path, size }) => sum + (weights.test(path) ? size : 0), 0) < microBytes;

export const model: Kind = {
  name: "model",
  isForeign: true,
  need: ({ path: file }, { isCounted }) => {
    if (weights.test(file)) return "weights";
    return isCounted && rolloutsFiles.includes(file) ? "claims" : "context";
  },
};

interface Maker {
  readonly summary: Summary;
  readonly keyParts: Json;
}

/**
 * Descriptions of the models behind an artifact, such as `MICRO Qwen3-VL trained from scratch, 0.64 M weights`. The stage that
 * samples a model writes the description into its summary, so this walks upstream to the nearest such stages.
 */
export const sampledModels = (
  artifact: Digest,
  makerOf: (artifact: Digest) => Maker | undefined,
): ReadonlyArray<string> => {
  const models = new Set<string>();
  const reached = new Set([artifact]);
  for (const digest of reached) {
    const maker = makerOf(digest);
    if (typeof maker?.summary["model"] === "string") models.add(maker.summary["model"]);
    else for (const input of inputDigests(maker?.keyParts ?? {})) reached.add(input);
  }
  return [...models];
};
