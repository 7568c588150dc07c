/** What a content key is made of, as the store and bundles keep it: `pipelines/Keys.ts` writes it. */
import { Schema } from "effect";
import type { Digest, Json } from "./Digest.ts";

/** What a node took in one input: an artifact, or one for each element of a fan-in. */
export const InputIdentity = Schema.Union([
  Schema.String,
  Schema.Array(
    Schema.Struct({
      labels: Schema.Record(Schema.String, Schema.String),
      identity: Schema.String,
    }),
  ),
]);
export type InputIdentity = typeof InputIdentity.Type;

/** What a key records besides what the spec says. */
export const RecordedParts = Schema.Struct({
  version: Schema.Int,
  code: Schema.optionalKey(Schema.String),
  inputs: Schema.Record(Schema.String, InputIdentity),
  sources: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  environment: Schema.optionalKey(Schema.String),
});
export interface RecordedParts extends Schema.Schema.Type<typeof RecordedParts> {}

/** Throws on what is no key's record. */
export const recordedParts = Schema.decodeUnknownSync(RecordedParts);

/** The artifacts that were taken, input by input in the order of their names; none where the record is of no key. */
export const inputDigests = (keyParts: Json): ReadonlyArray<Digest> => {
  const { inputs = {} } = keyParts as Partial<RecordedParts>;
  return Object.entries(inputs)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, input]) =>
      typeof input === "string" ? [input] : input.map(({ identity }) => identity),
    );
};
