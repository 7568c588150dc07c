/** Params of an OpenAI-compatible endpoint, which `distill`, `grpo` and `rollout` share. */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Positive, PositiveNumber } from "../schemas/numbers.ts";

// No user or password before the host and no query: /chat/completions is appended.
const baseUrl = /^https?:\/\/(?:\[[\da-fA-F:.]+\]|[^\s/?#@:[\]]+)(?::\d{1,5})?(?:\/[^\s?#]*)?$/u;
// Nearly every key has lower-case letters or dashes, so a key written here by mistake is refused.
const variable = /^[A-Z][A-Z0-9_]*$/u;

export const BaseUrl = Schema.String.check(
  Schema.isPattern(baseUrl, {
    message: "an address such as `https://host/v1`, without a password or a query",
  }),
).annotate({ description: "the base of /chat/completions, such as https://host/v1" });

export const isBaseUrl = Schema.is(BaseUrl);

export const Variable = Schema.String.check(
  Schema.isPattern(variable, {
    message: "the name of an environment variable, in capitals: never the key itself",
  }),
);

export const endpointFields = {
  model: Schema.NonEmptyString.annotate({ description: "the model's name at the endpoint" }),
  key_env: Schema.NullOr(Variable)
    .annotate({ description: "the environment variable that holds the key, if one is needed" })
    .pipe(byDefault(null)),
  concurrency: Positive.annotate({ description: "requests at a time" }).pipe(byDefault(8)),
  timeout_seconds: PositiveNumber.annotate({
    description: "wait for an answer before a request is repeated, in seconds",
  }).pipe(byDefault(120)),
};
