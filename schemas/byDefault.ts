import { Effect, Schema } from "effect";

/** What a key that is left out stands for: `Schema.Int.pipe(byDefault(0))`. */
export const byDefault = <S extends Schema.Top>(value: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value));
