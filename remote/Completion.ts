/** A chat completion: what OpenAI-compatible servers answer to `POST /chat/completions`. */
import { Option, Schema } from "effect";

export const Completion = Schema.Struct({
  content: Schema.String,
  /** The thinking that the server itself took off the content. */
  thinking: Schema.String,
  /** `length`: cut off at `max_tokens`. */
  finish: Schema.NullOr(Schema.String),
  /** Who the server says has written it. */
  model: Schema.NullOr(Schema.String),
  /** Tokens; null if the server does not count them. */
  usage: Schema.NullOr(Schema.Struct({ prompt: Schema.Int, completion: Schema.Int })),
});
export interface Completion extends Schema.Schema.Type<typeof Completion> {}

const OptionalText = Schema.optionalKey(Schema.NullOr(Schema.String));

const Message = Schema.Struct({
  content: OptionalText,
  // vLLM, SGLang and DeepSeek
  reasoning_content: OptionalText,
  // newer vLLM, and OpenRouter
  reasoning: OptionalText,
});

const Body = Schema.fromJsonString(
  Schema.Struct({
    choices: Schema.NonEmptyArray(Schema.Struct({ message: Message, finish_reason: OptionalText })),
    model: OptionalText,
    usage: Schema.optionalKey(Schema.Unknown),
  }),
);
const decodeBody = Schema.decodeUnknownOption(Body);
const decodeUsage = Schema.decodeUnknownOption(
  Schema.Struct({ prompt_tokens: Schema.Int, completion_tokens: Schema.Int }),
);

/** Undefined for a text that is no chat completion. Halves of surrogate pairs, which no file can hold, are replaced. */
export const readCompletion = (text: string): Completion | undefined => {
  const body = Option.getOrUndefined(decodeBody(text));
  if (body === undefined) return undefined;
  const [{ message, finish_reason: finish = null }] = body.choices;
  const usage = Option.getOrNull(decodeUsage(body.usage));
  return {
    content: (message.content ?? "").toWellFormed(),
    thinking: (message.reasoning_content ?? message.reasoning ?? "").toWellFormed(),
    finish,
    model: body.model ?? null,
    usage: usage && { prompt: usage.prompt_tokens, completion: usage.completion_tokens },
  };
};
