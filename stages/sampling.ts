/** Inputs and params that the sampling stages, `grpo` and `rollout`, share. */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Positive } from "../schemas/numbers.ts";
import { checkPrompts } from "./checkPrompts.ts";
import { BaseUrl, endpointFields } from "./endpointParams.ts";
import type { ParamsProblem, Surroundings } from "./Stage.ts";

export const surrogates = ["teacher", "vote", "consensus", "blind-solve", "likelihood"] as const;
export type Surrogate = (typeof surrogates)[number];

/**
 * `captioner` is the model of the surrogate teacher, `captioners` those of vote; `solver` is that of blind-solve, by default the
 * policy itself. A point whose params name no such surrogate does not depend on them.
 */
export const samplingInputs = <Params>(
  surrogatesOf: (params: Params) => ReadonlyArray<Surrogate>,
) => {
  const readBy = (surrogate: Surrogate) => ({
    kinds: ["model"] as const,
    optional: true as const,
    reader: {
      param: `the surrogate \`${surrogate}\``,
      isSet: (params: Params) => surrogatesOf(params).includes(surrogate),
    },
  });
  return {
    model: { kinds: ["model"] },
    data: { kinds: ["dataset"], check: checkPrompts },
    captioner: readBy("teacher"),
    captioners: { ...readBy("vote"), many: true },
    solver: readBy("blind-solve"),
  } as const;
};

const Endpoint = Schema.Struct({
  url: BaseUrl,
  ...endpointFields,
  max_tokens: Positive.annotate({ description: "longest answer, in tokens" }).pipe(byDefault(1024)),
});

const OptionalEndpoint = Schema.NullOr(Endpoint);

/** An endpoint takes the place of the input of the same name. */
export const endpointParams = {
  captioner: OptionalEndpoint.annotate({
    description: "the teacher as an OpenAI-compatible endpoint that reads pictures",
  }).pipe(byDefault(null)),
  solver: OptionalEndpoint.annotate({
    description: "blind-solve's solver as an OpenAI-compatible endpoint",
  }).pipe(byDefault(null)),
};

const roles = ["captioner", "solver"] as const;
type Endpoints = { readonly [role in (typeof roles)[number]]: typeof OptionalEndpoint.Type };

/** The model and the length of its answers decide the responses; address, key and pace do not. */
export const endpointsOutsideKey: ReadonlyArray<string> = roles.flatMap((role) =>
  ["url", "key_env", "concurrency", "timeout_seconds"].map((param) => `${role}.${param}`),
);

/** The environment variables that hold the keys of the endpoints in use. */
export const keyVariables = (
  named: ReadonlyArray<Surrogate>,
  { captioner, solver }: Endpoints,
): ReadonlyArray<string> => [
  ...(named.includes("teacher") && captioner?.key_env ? [captioner.key_env] : []),
  ...(named.includes("blind-solve") && solver?.key_env ? [solver.key_env] : []),
];

/** A teacher needs a captioner and a vote needs some, and a role is either an input or an endpoint. */
export const surrogateProblems = (
  named: ReadonlyArray<Surrogate>,
  path: ReadonlyArray<PropertyKey>,
  endpoints: Endpoints,
  { inputs }: Surroundings,
): ReadonlyArray<ParamsProblem> => [
  ...(named.includes("teacher") && !inputs.includes("captioner") && endpoints.captioner === null
    ? [
        {
          path,
          message: "the surrogate `teacher` has no captioner",
          expected: "an input `captioner`, a model, or the param `captioner`, an endpoint",
        },
      ]
    : []),
  ...(named.includes("vote") && !inputs.includes("captioners")
    ? [
        {
          path,
          message: "the surrogate `vote` has no captioners",
          expected: "a fan-in of models under `from`: `captioners: { all: captioner }`",
        },
      ]
    : []),
  ...roles
    .filter((role) => endpoints[role] !== null && inputs.includes(role))
    .map((role) => ({
      path: [role],
      message: `\`${role}\` is both an input and an endpoint`,
      expected: "one of them",
    })),
];
