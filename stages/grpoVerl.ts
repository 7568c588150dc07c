/** Params that only the trainer `verl` of stage `grpo` reads, and checks of those that it can't honour. */
import { Schema } from "effect";
import { isDeepStrictEqual } from "node:util";
import { byDefault } from "../schemas/byDefault.ts";
import { Positive, PositiveNumber, Share } from "../schemas/numbers.ts";
import { foreignParams } from "./foreignParams.ts";
import type { ParamsProblem } from "./Stage.ts";

export const Verl = Schema.Struct({
  max_prompt: Positive.annotate({
    description: "tokens of a question with its picture; a longer one is refused, never cut",
  }).pipe(byDefault(2048)),
  tensor_parallel: Positive.annotate({ description: "GPUs that share one vLLM" }).pipe(
    byDefault(1),
  ),
  gpu_memory: Share.annotate({
    description:
      "share that vLLM takes of a GPU's memory, or of the part of it that `resources: { gpus: 0.5 }` gives",
  }).pipe(byDefault(0.5)),
  offload: Schema.Boolean.annotate({
    description: "weights and optimiser wait in main memory while vLLM samples",
  }).pipe(byDefault(false)),
  save_every: Positive.annotate({
    description: "steps from one checkpoint to the next; a stopped run continues from the last",
  }).pipe(byDefault(20)),
  patience_minutes: PositiveNumber.annotate({
    description: "a run that finishes no step for so long is ended; its start counts too",
  }).pipe(byDefault(60)),
});

/** They decide whether a run fits, and when it is saved or given up, not what it makes. */
export const verlOutsideKey: ReadonlyArray<string> = [
  "verl.max_prompt",
  "verl.gpu_memory",
  "verl.offload",
  "verl.save_every",
  "verl.patience_minutes",
];

/** Params that only the trainer `pipe` has, at the only value that verl can take. */
export const pipeOnly = {
  alpha_end: null,
  std: "unbiased",
  per_reward: false,
  credit: "response",
  dynamic_sampling: { kind: "none" },
  ratio: "token",
  caption_weight: 1,
  validate: null,
} as const;

interface VerlRelevantParams extends Readonly<Record<keyof typeof pipeOnly, unknown>> {
  readonly trainer: "pipe" | "verl";
  readonly verl: typeof Verl.Type;
  readonly perception: unknown;
  readonly kl: { readonly kind: string };
  readonly dual_clip: number | null;
  readonly max_tokens: number | null;
}

const defaults = Schema.decodeUnknownSync(Verl)({});

export const verlProblems = (params: VerlRelevantParams): ReadonlyArray<ParamsProblem> => {
  if (params.trainer === "pipe")
    return foreignParams(params, { verl: defaults }, ["verl"], {
      what: "trainer",
      chosen: params.trainer,
      reader: "verl",
    });
  const only = Object.entries(pipeOnly).flatMap(([name, value]) =>
    isDeepStrictEqual(params[name as keyof typeof pipeOnly], value)
      ? []
      : [unable([name], `\`${name}\` is one of the trainer \`pipe\``, `no \`${name}\``)],
  );
  const missing = ["dual_clip", "max_tokens"] as const;
  return [
    ...only,
    ...perceptionProblems(params.perception),
    ...(params.kl.kind === "exact"
      ? [unable(["kl"], "verl has no exact divergence, only estimates", "kind `none` or `k3`")]
      : []),
    ...missing
      .filter((name) => params[name] === null)
      .map((name) => unable([name], `verl needs \`${name}\``, "a number")),
  ];
};

/** verl's reward function sees one response at a time, and no model. */
const perceptionProblems = (perception: unknown): ReadonlyArray<ParamsProblem> => {
  const isOther =
    typeof perception === "object" &&
    perception !== null &&
    "surrogate" in perception &&
    perception.surrogate !== "teacher";
  return isOther
    ? [
        unable(
          ["perception"],
          "verl rewards each response by itself, without its group and without a model",
          "`oracle`, `oracle-f1` or the surrogate `teacher`",
        ),
      ]
    : [];
};

const unable = (path: ReadonlyArray<string>, message: string, expected: string): ParamsProblem => ({
  path,
  message,
  expected: `${expected}, or \`trainer: pipe\``,
});
