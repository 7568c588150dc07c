/**
 * Floating-point operations and bytes of training and sampling, from a model's shape and numbers of tokens.
 *
 * A forward pass takes 2·N operations a token, a backward pass twice that: 6·N a token for training, 2·N for writing (Kaplan et al. 2020,
 * arXiv 2001.08361, section 2.1). Attention adds 4·layers·attention for each token that is looked back at (PaLM, arXiv 2204.02311,
 * appendix B), which are half the sequence in the mean. The vision tower counts as weights like the others. Recomputation for
 * checkpointed activations is in the utilisation.
 *
 * Memory of training: 16 bytes a weight in float32 (weight, gradient, both moments of AdamW; ZeRO, arXiv 1910.02054, section 3.1, has 16
 * for mixed precision, too), and activations of 34·width bytes for each token of a layer in 16 bits (Korthikanti et al. 2022, arXiv
 * 2205.05198, eq. 2, whose attention scores are never stored today).
 */
import type { ModelShape } from "./ModelShape.ts";

/** Operations of one token's forward pass in a sequence of so many tokens. */
export const forwardFlops = (
  { parameters, layers, attention }: ModelShape,
  sequence: number,
): number => 2 * parameters + 2 * layers * attention * sequence;

/** A forward pass and `backwards` backward passes; without gradients of weights (LoRA) a backward pass costs half. */
export const trainingPasses = (backwards: number, isLora: boolean): number =>
  1 + backwards * (isLora ? 1 : 2);

/** Weights of low-rank factors at all linear layers; with a feed-forward layer of three widths they have 18 widths of inputs and outputs. */
export const loraWeights = ({ layers, width }: ModelShape, rank: number): number =>
  18 * rank * layers * width;

/** Bytes of keys and values that a token leaves in the cache. */
export const cacheBytes = ({ layers, keys }: ModelShape, bytesPerNumber: number): number =>
  2 * layers * keys * bytesPerNumber;

export interface HeldActivations {
  /** Tokens of one forward and backward pass. */
  readonly tokens: number;
  /** Only the inputs of layers are kept, and one layer's activations at a time. */
  readonly isCheckpointed: boolean;
  /** 2 or 4. */
  readonly bytesPerNumber: number;
  /** Bytes of one logit of a token: all copies and the gradient. */
  readonly bytesPerLogit: number;
}

export const activationBytes = (
  { layers, width, vocabulary }: ModelShape,
  { tokens, isCheckpointed, bytesPerNumber, bytesPerLogit }: HeldActivations,
): number => {
  const ofLayer = 17 * bytesPerNumber * width;
  const ofLayers = isCheckpointed ? layers * width * bytesPerNumber + ofLayer : layers * ofLayer;
  return tokens * (ofLayers + vocabulary * bytesPerLogit);
};

/** A token of English or JSON has about four characters. */
export const textBytes = (tokens: number): number => 4 * tokens;
