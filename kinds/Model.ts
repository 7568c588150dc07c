/** Kind `model`: a Hugging Face directory, with the metrics and rollouts of its training where there was one. */
import type { Summary } from "../schemas/Artifact.ts";
import type { Digest, Json } from "../schemas/Digest.ts";
import { inputDigests } from "../schemas/KeyParts.ts";
import type { Kind } from "./Kind.ts";
import { rolloutsFiles } from "./Rollouts.ts";

/** A line a step: the step and its metrics. */
export const metricsFile = "metrics.jsonl";

const weights = /\.(?:safetensors|bin|pt|pth|ckpt|gguf|h5|msgpack|onnx)$/u;

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
