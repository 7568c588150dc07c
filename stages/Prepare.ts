/**
 * Stage `prepare`: a base model whose vocabulary has the caption's tags as plain tokens, so that every trainer and server reads a
 * response as the same tokens. A language model gets a vision tower as well. The trainer is `trainers/prepare.py`.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Positive, Seed } from "../schemas/numbers.ts";
import { pipeEnvironment } from "./environments.ts";
import { microFamily } from "./microModel.ts";
import { type ParamsProblem, stage, type Surroundings, type Upstream } from "./Stage.ts";

const Vision = Schema.Struct({
  size: Schema.Literals(["nano", "micro", "small"])
    .annotate({
      description: "width and layers of the tower: nano 64 and 2, micro 96 and 2, small 128 and 3",
    })
    .pipe(byDefault("nano")),
  pixels: Positive.annotate({
    description: "width of its square pictures; others are resized",
  }).pipe(byDefault(64)),
  seed: Seed.annotate({ description: "of the tower's weights" }).pipe(byDefault(0)),
});

const Params = Schema.Struct({
  vision: Schema.NullOr(Vision)
    .annotate({
      description:
        "puts a vision tower of random weights before the input, a language model that knows chats with <|im_start|> and <|im_end|>; the result is an Idefics3, as SmolVLM. The input `data` gives the mean and spread of pixels",
    })
    .pipe(byDefault(null)),
});

const checkModel = (_: unknown, model: Upstream): ReadonlyArray<ParamsProblem> =>
  microFamily(model) === undefined
    ? []
    : [
        {
          path: [],
          message: `\`${model.name}\` is a micro model, whose vocabulary has the caption's tags`,
          expected: "no `prepare` for it",
        },
      ];

/** By SmolVLM's .5 and .5 drawings on light paper are off centre: a language model then learns to ignore them. */
const checkPictures = (
  { vision }: typeof Params.Type,
  { inputs }: Surroundings,
): ReadonlyArray<ParamsProblem> =>
  vision === null || inputs.includes("data")
    ? []
    : [
        {
          path: ["vision"],
          message: "a new vision tower needs the mean and spread of its pixels",
          expected: "the data set of the training as input `data`",
        },
      ];

export const Prepare = stage({
  name: "prepare",
  version: 2,
  summary:
    "adds the caption's tags to a pretrained model's vocabulary, and a vision tower if asked",
  example: `base: { use: prepare, from: { model: qwen } }
smollm2: { use: pretrained, with: { path: models/smollm2-135m } }
sighted: { use: prepare, from: { model: smollm2, data: data }, with: { vision: { pixels: 64, seed: $seed } } }`,
  params: Params,
  check: checkPictures,
  inputs: {
    model: { kinds: ["model"], check: checkModel },
    data: {
      kinds: ["dataset", "transcripts"],
      optional: true,
      reader: {
        param: "the param `vision`",
        isSet: ({ vision }: typeof Params.Type) => vision !== null,
      },
    },
  },
  output: "model",
  trainers: ["prepare"],
  environment: () => pipeEnvironment,
});
