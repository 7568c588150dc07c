/**
 * Stage `generate`: a model's responses to a split, end to end or with the oracle perception forced as the beginning of the
 * response (counterfactual). The trainers are `trainers/generate.py` and, where vLLM writes the responses, `trainers/generate_vllm.py`.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Mode } from "../schemas/Mode.ts";
import { NotNegativeNumber, Positive, PositiveNumber, Seed, Share } from "../schemas/numbers.ts";
import { splitNames } from "../tasks/split.ts";
import { pipeEnvironment, vllmEnvironment } from "./environments.ts";
import { usedRows } from "./splitRows.ts";
import { foreignParams } from "./foreignParams.ts";
import { microProblems } from "./microModel.ts";
import { type ParamsProblem, stage, type Upstream } from "./Stage.ts";

const Vllm = Schema.Struct({
  context: Positive.annotate({
    description: "most tokens of a prompt with its response; no more than the model's own bound",
  }).pipe(byDefault(8192)),
  gpu_memory: Share.annotate({
    description:
      "share for weights and the cache of keys and values, of the GPU's memory or of the part of it that `resources: { gpus: 0.5 }` gives",
  }).pipe(byDefault(0.9)),
  start_seconds: PositiveNumber.annotate({
    description: "wait for the server's first answer, in seconds",
  }).pipe(byDefault(900)),
});

const Params = Schema.Struct({
  mode: Schema.Literals(["end-to-end", "counterfactual", "both"]).annotate({
    description:
      "end-to-end: from the picture; counterfactual: the true perception is forced as the beginning of the response; both: by one server or one loaded model, for both inputs of `score`",
  }),
  split: Schema.Literals(splitNames)
    .annotate({ description: "the split whose pictures are the prompts" })
    .pipe(byDefault("test")),
  limit: Schema.NullOr(Positive)
    .annotate({ description: "only the first rows of the split; null: all" })
    .pipe(byDefault(null)),
  max_tokens: Schema.NullOr(Positive)
    .annotate({
      description:
        "longest response, in tokens; by default what the model was trained on, so a pretrained one needs it",
    })
    .pipe(byDefault(null)),
  batch: Positive.annotate({ description: "responses sampled at a time" }).pipe(byDefault(250)),
  temperature: NotNegativeNumber.annotate({
    description: "softmax temperature of sampling; 0: the most probable token",
  }).pipe(byDefault(0)),
  seed: Seed.annotate({ description: "of sampling" }).pipe(byDefault(0)),
  engine: Schema.Literals(["transformers", "vllm"])
    .annotate({
      description:
        "transformers: the model's own code, or ours for a micro model; vllm: a vLLM server, for pretrained models",
    })
    .pipe(byDefault("transformers")),
  vllm: Vllm.annotate({ description: "what only the engine vllm reads" }).pipe(byDefault({})),
});

type Params = typeof Params.Type;

export const modesOf = ({ mode }: Params): ReadonlyArray<Mode> =>
  mode === "both" ? Mode.literals : [mode];

const defaults = Schema.decodeUnknownSync(Params)({ mode: "end-to-end" });

const engineProblems = ({ engine, vllm, max_tokens }: Params): ReadonlyArray<ParamsProblem> => {
  if (engine === "transformers")
    return foreignParams({ vllm }, defaults, ["vllm"], {
      what: "engine",
      chosen: engine,
      reader: "vllm",
    });
  if (max_tokens !== null) return [];
  return [
    {
      path: ["engine"],
      message: "the engine `vllm` has no bound on the tokens of a response",
      expected: "a `max_tokens`",
    },
  ];
};

const checkModel = ({ engine }: Params, model: Upstream): ReadonlyArray<ParamsProblem> =>
  engine === "vllm"
    ? microProblems(model, ["engine"], { asker: "vLLM", expected: "no `engine`" })
    : [];

export const Generate = stage({
  name: "generate",
  version: 8,
  summary: "samples a model's responses to a split, end to end or from the oracle perception",
  example: `e2e: { use: generate, from: { model: model, data: data }, with: { mode: end-to-end } }
oracle: { use: generate, from: { model: model, data: data }, with: { mode: counterfactual } }`,
  params: Params,
  outsideKey: ["context", "gpu_memory", "start_seconds"].map((param) => `vllm.${param}`),
  inputs: { model: { kinds: ["model"], check: checkModel }, data: { kinds: ["dataset"] } },
  output: "predictions",
  work: (params, maker) => {
    const rows = usedRows(maker("data"), params);
    return rows === undefined ? undefined : rows * modesOf(params).length;
  },
  check: engineProblems,
  trainers: ["generate", "generate_vllm"],
  environment: ({ engine }) => (engine === "vllm" ? vllmEnvironment : pipeEnvironment),
});
