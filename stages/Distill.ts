/**
 * Stage `distill`: a teacher answers the training instances from their oracle perception, and its right answers become the
 * training set. The one scorer judges them.
 *
 * The teacher is the built-in solver, a language model behind an endpoint, or the author of a published data set. The model is
 * given p* as text and never the picture. It is asked for up to `samples` replies one after the other, and the first right one
 * is kept. The paper keeps correct solutions but does not say how many of a prompt; one, within a bound, is our choice.
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { NotNegativeNumber, Positive, Seed } from "../schemas/numbers.ts";
import { BaseUrl, endpointFields, Variable } from "./endpointParams.ts";
import { splitRows } from "./splitRows.ts";
import { type ParamsProblem, stage } from "./Stage.ts";

const Solver = Schema.Struct({
  kind: Schema.Literal("solver"),
  style: Schema.Literals(["terse", "wordy"])
    .annotate({
      description:
        "terse: one form for all; wordy: in sentences, with synonyms, order and filler at random, so that some loss always stays",
    })
    .pipe(byDefault("terse")),
  seed: Schema.Int.annotate({ description: "of the wordy style" }).pipe(byDefault(0)),
}).annotate({ description: "an exact solver, which writes out how it solves the instance" });

const PublishedResponses = Schema.Struct({ kind: Schema.Literal("published") }).annotate({
  description: "the responses that a data set of the Hub already has",
});

const defaultPrompt = `{query}

Instead of the picture you are given what it shows: <caption>{perception}</caption>
Do not repeat the caption. Reason step by step, then end with the answer as JSON between <answer> and </answer>.`;

const EndpointTeacher = Schema.Struct({
  kind: Schema.Literal("endpoint"),
  url: Schema.NullOr(BaseUrl)
    .annotate({ description: "the base of /chat/completions, such as https://host/v1" })
    .pipe(byDefault(null)),
  url_env: Schema.NullOr(Variable)
    .annotate({ description: "the environment variable that holds the address, instead of `url`" })
    .pipe(byDefault(null)),
  ...endpointFields,
  samples: Positive.annotate({
    description: "replies asked for a prompt until one is right",
  }).pipe(byDefault(4)),
  temperature: NotNegativeNumber.annotate({
    description: "of sampling; 0 takes the most likely token",
  }).pipe(byDefault(0.6)),
  max_tokens: Positive.annotate({
    description: "longest reply in tokens, thinking included; a reply cut off there is rejected",
  }).pipe(byDefault(8192)),
  thinking: Schema.Literals(["drop", "keep"])
    .annotate({
      description:
        "what becomes of the thinking before a reply: keep puts it between the caption and the reply",
    })
    .pipe(byDefault("drop")),
  prompt: Schema.NonEmptyString.annotate({
    description: "the message to the teacher; {query} and {perception} are filled in",
  }).pipe(byDefault(defaultPrompt)),
  extra: Schema.Record(Schema.String, Schema.Json)
    .annotate({
      description:
        "further fields of the request, such as `top_p: 0.95` or `chat_template_kwargs: { enable_thinking: false }`",
    })
    .pipe(byDefault({})),
  seed: Seed.annotate({ description: "of the requests, which have a seed each" }).pipe(
    byDefault(0),
  ),
  price_per_million: Schema.NullOr(
    Schema.Struct({
      prompt: NotNegativeNumber.annotate({ description: "of the prompts" }),
      completion: NotNegativeNumber.annotate({ description: "of the replies" }),
    }),
  )
    .annotate({
      description: "the price of a million tokens, in any currency; gives the summary's cost",
    })
    .pipe(byDefault(null)),
}).annotate({ description: "a language model behind an OpenAI-compatible endpoint" });
export type EndpointTeacher = typeof EndpointTeacher.Type;

const Params = Schema.Struct({
  teacher: Schema.Union([Solver, EndpointTeacher, PublishedResponses])
    .annotate({ description: "who writes the transcripts" })
    .pipe(byDefault({ kind: "solver" })),
});

const ownFields = ["model", "messages", "temperature", "max_tokens", "seed", "stream", "n"];

const teacherProblems = (teacher: EndpointTeacher): ReadonlyArray<ParamsProblem> => [
  ...((teacher.url === null) === (teacher.url_env === null)
    ? [
        {
          path: ["teacher"],
          message: `the teacher has ${teacher.url === null ? "no address" : "two addresses"}`,
          expected: "either `url` or `url_env`",
        },
      ]
    : []),
  ...(teacher.prompt.includes("{perception}")
    ? []
    : [
        {
          path: ["teacher", "prompt"],
          message: "the prompt does not tell the teacher what the picture shows",
          expected: "a text with {perception}",
        },
      ]),
  ...ownFields
    .filter((field) => Object.hasOwn(teacher.extra, field))
    .map((field) => ({
      path: ["teacher", "extra", field],
      message: `\`distill\` itself sets the field \`${field}\` of a request`,
      expected: "the teacher's params, or another field",
    })),
];

export const Distill = stage({
  name: "distill",
  version: 1,
  summary: "writes transcripts by a teacher and keeps the right ones",
  example: `cot: { use: distill, from: { data: data } }`,
  params: Params,
  outsideKey: [
    "url",
    "url_env",
    "key_env",
    "concurrency",
    "timeout_seconds",
    "price_per_million",
  ].map((param) => `teacher.${param}`),
  inputs: { data: { kinds: ["dataset"] } },
  output: "transcripts",
  check: ({ teacher }) => (teacher.kind === "endpoint" ? teacherProblems(teacher) : []),
  work: (_, maker) => splitRows(maker("data"), "train_sft"),
});
