/**
 * Stage `prepare`: a base model whose vocabulary has the caption's tags as plain tokens, so that every trainer and server reads a
 * response as the same tokens. The trainer is `trainers/prepare.py`.
 */
import { Schema } from "effect";
import { pipeEnvironment } from "./environments.ts";
import { stage } from "./Stage.ts";

export const Prepare = stage({
  name: "prepare",
  version: 1,
  summary: "adds the caption's tags to a pretrained model's vocabulary",
  example: `base: { use: prepare, from: { model: qwen } }`,
  params: Schema.Struct({}),
  inputs: { model: { kinds: ["model"] } },
  output: "model",
  trainers: ["prepare"],
  environment: () => pipeEnvironment,
});
