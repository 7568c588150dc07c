/** The parts of a content key, as the store and bundles keep them; `pipelines/plan/Keys.ts` writes them. */
import { Schema } from "effect";
import type { Digest, Json } from "./Digest.ts";

/** The artifact of an input, or the artifacts of a fan-in's elements. */
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

/** The parts of a key beyond the experiment's own. */
export const RecordedParts = Schema.Struct({
  version: Schema.Int,
  code: Schema.optionalKey(Schema.String),
  inputs: Schema.Record(Schema.String, InputIdentity),
  sources: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  environment: Schema.optionalKey(Schema.String),
});
export interface RecordedParts extends Schema.Schema.Type<typeof RecordedParts> {}

/** Throws on other values. */
export const recordedParts = Schema.decodeUnknownSync(RecordedParts);

/** The input artifacts, by the names of the inputs; none if the value is not a key's record. */
export const inputDigests = (keyParts: Json): ReadonlyArray<Digest> => {
  const { inputs = {} } = keyParts as Partial<RecordedParts>;
  return Object.entries(inputs)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, input]) =>
      typeof input === "string" ? [input] : input.map(({ identity }) => identity),
    );
};
