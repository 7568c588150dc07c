import { Effect, Schema } from "effect";

/** The value of a key that is left out, which editors show, too: `Schema.Int.pipe(byDefault(0))`. */
export const byDefault =
  <S extends Schema.Top>(value: S["Encoded"]) =>
  (schema: S): Schema.withDecodingDefaultKey<S> =>
    // `annotate` gives a schema of the same type; its declaration says only `Rebuild`.
    Schema.withDecodingDefaultKey<S>(Effect.succeed(value))(
      schema.annotate({ default: value }) as unknown as S,
    );
