/** What the stages share that sample responses from a model and have them judged: their inputs, and how these reach the trainer. */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { enoughPrompts } from "./enoughPrompts.ts";
import type { ComplaintAboutParams, StageInputs, Surroundings } from "./Stage.ts";
import { one } from "./Stage.ts";

export const surrogates = ["teacher", "consensus", "blind-solve"] as const;
export type Surrogate = (typeof surrogates)[number];

/** `captioner` is the surrogate teacher's model; `solver` is blind-solve's, which without one is the policy itself. */
export const samplingInputs = {
  model: { kinds: ["model"] },
  data: { kinds: ["dataset"], check: enoughPrompts },
  captioner: { kinds: ["model"], optional: true },
  solver: { kinds: ["model"], optional: true },
} as const;

const Positive = Schema.Int.check(Schema.isGreaterThan(0));

// No user or password before the host, and nothing after the path, which goes on with /chat/completions.
const baseUrl = /^https?:\/\/(?:\[[\da-fA-F:.]+\]|[^\s/?#@:[\]]+)(?::\d{1,5})?(?:\/[^\s?#]*)?$/u;
// A key has lower-case letters or dashes, as good as always, so one that stands here by mistake is refused.
const variable = /^[A-Z][A-Z0-9_]*$/u;

const Endpoint = Schema.Struct({
  url: Schema.String.check(
    Schema.isPattern(baseUrl, {
      message: "an address such as `https://host/v1`, without a password or a query",
    }),
  ).annotate({ description: "where /chat/completions is found, such as https://host/v1" }),
  model: Schema.NonEmptyString.annotate({ description: "by its name there" }),
  key_env: Schema.NullOr(
    Schema.String.check(
      Schema.isPattern(variable, {
        message: "the name of an environment variable, in capitals: never the key itself",
      }),
    ),
  )
    .annotate({ description: "the environment variable that holds the key, if one is needed" })
    .pipe(byDefault(null)),
  max_tokens: Positive.annotate({ description: "longest answer" }).pipe(byDefault(1024)),
  concurrency: Positive.annotate({ description: "requests at a time" }).pipe(byDefault(8)),
  timeout_seconds: Schema.Finite.check(Schema.isGreaterThan(0))
    .annotate({ description: "how long to wait for an answer before asking again" })
    .pipe(byDefault(120)),
});

const orNobody = Schema.NullOr(Endpoint);

/** Whom the surrogates ask where it is no model of another stage: each in place of the input of its name. */
export const endpointParams = {
  captioner: orNobody
    .annotate({ description: "the teacher as an OpenAI-compatible endpoint that reads pictures" })
    .pipe(byDefault(null)),
  solver: orNobody
    .annotate({ description: "blind-solve's solver as an OpenAI-compatible endpoint" })
    .pipe(byDefault(null)),
};

const roles = ["captioner", "solver"] as const;
type Endpoints = { readonly [role in (typeof roles)[number]]: typeof orNobody.Type };

/** The model and how it is asked decide what is said; where it runs, who pays and in what haste do not. */
export const endpointsOutsideKey: ReadonlyArray<string> = roles.flatMap((role) =>
  ["url", "key_env", "concurrency", "timeout_seconds"].map((param) => `${role}.${param}`),
);

/** The variables that hold keys of endpoints that are asked. */
export const keyVariables = (
  named: ReadonlyArray<Surrogate>,
  { captioner, solver }: Endpoints,
): ReadonlyArray<string> => [
  ...(named.includes("teacher") && captioner?.key_env ? [captioner.key_env] : []),
  ...(named.includes("blind-solve") && solver?.key_env ? [solver.key_env] : []),
];

export const directoriesOf = (inputs: StageInputs): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.keys(inputs).map((name) => [name, one(inputs, name).directory]));

/** A teacher needs somebody to ask, and nobody is asked in two places. */
export const wrongAboutSurrogates = (
  named: ReadonlyArray<Surrogate>,
  path: ReadonlyArray<PropertyKey>,
  endpoints: Endpoints,
  { inputs }: Surroundings,
): ReadonlyArray<ComplaintAboutParams> => [
  ...(named.includes("teacher") && !inputs.includes("captioner") && endpoints.captioner === null
    ? [
        {
          path,
          message: "the surrogate `teacher` has nobody to ask",
          expected: "an input `captioner`, a model, or the param `captioner`, an endpoint",
        },
      ]
    : []),
  ...roles
    .filter((role) => endpoints[role] !== null && inputs.includes(role))
    .map((role) => ({
      path: [role],
      message: `\`${role}\` is an input and an endpoint at once`,
      expected: "one of them",
    })),
];
