/** The formulas, beside values worked out by hand from their sources. */
import { assert, describe, it } from "@effect/vitest";
import {
  activationBytes,
  cacheBytes,
  forwardFlops,
  loraWeights,
  trainingPasses,
} from "../../../stages/cost/costModel.ts";
import { microShapes, shapeOfName, shapeOfSize } from "../../../stages/cost/ModelShape.ts";

const model = {
  parameters: 1e9,
  layers: 10,
  width: 1000,
  attention: 800,
  keys: 100,
  vocabulary: 50_000,
};

describe("costs of a model", () => {
  it("has 6·N operations a trained token, and those of attention", () => {
    assert.strictEqual(trainingPasses(1, false) * forwardFlops(model, 0), 6e9);
    // PaLM's 12·L·A·s a trained token counts the whole square of attention; a causal one is half of it.
    const attention =
      trainingPasses(1, false) * (forwardFlops(model, 500) - forwardFlops(model, 0));
    assert.strictEqual(attention, (12 * 10 * 800 * 500) / 2);
  });

  it("has two backward passes for NGDiff, and no gradients of frozen weights for LoRA", () => {
    assert.deepStrictEqual(
      [trainingPasses(2, false), trainingPasses(1, true), trainingPasses(2, true)],
      [5, 2, 3],
    );
    assert.strictEqual(loraWeights(model, 8), 18 * 8 * 10 * 1000);
  });

  it("holds activations of 34·width bytes a layer, or only the inputs of layers and one layer's", () => {
    const held = { tokens: 2, isCheckpointed: false, bytesPerNumber: 2, bytesPerLogit: 10 };
    assert.strictEqual(activationBytes(model, held), 2 * (10 * 34 * 1000 + 500_000));
    assert.strictEqual(
      activationBytes(model, { ...held, isCheckpointed: true }),
      2 * (10 * 1000 * 2 + 34 * 1000 + 500_000),
    );
    assert.strictEqual(cacheBytes(model, 2), 4000);
  });
});

describe("a model's name", () => {
  it("gives its shape, whoever publishes it", () => {
    assert.strictEqual(shapeOfName("Qwen/Qwen3-VL-4B-Instruct")?.width, 2560);
    assert.strictEqual(shapeOfName("OpenGVLab/InternVL3_5-8B-HF")?.parameters, 8.53e9);
    assert.strictEqual(shapeOfName("SmolLM2-135M-Instruct")?.layers, 30);
    assert.strictEqual(shapeOfName("../models/Some-Model-1.5B-chat")?.parameters, 1.5e9);
  });

  it("gives none where it has no size", () => {
    for (const name of ["tiny-qwen3-vl", "model-3bit", "v2b7", "4B/model", ""])
      assert.isUndefined(shapeOfName(name), name);
  });

  it("of a size alone is a shape with about as many weights", () => {
    for (const parameters of [2e9, 8e9, 70e9]) {
      const { layers, width } = shapeOfSize(parameters);
      assert.closeTo((12 * layers * width ** 2) / parameters, 1, 0.15);
    }
    assert.isTrue(microShapes.nano.isMicro);
  });
});
