/** What an experiment file says, before its params are known to any stage. */
import { Schema } from "effect";
import type { Json } from "./Digest.ts";

const identifier = /^[A-Za-z][A-Za-z0-9_-]*$/u;

const Name = Schema.String.check(
  Schema.isPattern(identifier, {
    message: "a name: letters, digits, - and _, beginning with a letter",
  }),
);

const JsonValue: Schema.Codec<Json> = Schema.Json as never;

const Scalar = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]);

/** One value of an axis: a scalar is its own label, an object brings one. */
const AxisValue = Schema.Union([
  Scalar,
  Schema.StructWithRest(Schema.Struct({ label: Schema.NonEmptyString }), [
    Schema.Record(Schema.String, JsonValue),
  ]),
]).annotate({ description: "a scalar, or an object with a `label`" });

/** Where an input comes from: a stage point by point, or `all` of its points (of the axes in `over`). */
const InputSpec = Schema.Union([
  Schema.String,
  Schema.Struct({
    all: Schema.String,
    over: Schema.optionalKey(Schema.Array(Schema.String).check(Schema.isMinLength(1))),
  }),
]).annotate({ description: "a stage's name, or { all: stage, over: [axes] }" });

export const StageSpec = Schema.Struct({
  use: Schema.String,
  from: Schema.optionalKey(Schema.Record(Name, InputSpec)),
  with: Schema.optionalKey(Schema.Record(Schema.String, JsonValue)),
});
export interface StageSpec extends Schema.Schema.Type<typeof StageSpec> {}

export const Experiment = Schema.Struct({
  name: Name,
  description: Schema.optionalKey(Schema.String),
  axes: Schema.optionalKey(
    Schema.Record(Name, Schema.Array(AxisValue).check(Schema.isMinLength(1))),
  ),
  stages: Schema.Record(Name, StageSpec).check(
    Schema.isMinProperties(1, { message: "at least one stage" }),
  ),
}).annotate({ title: "pipe experiment" });
export interface Experiment extends Schema.Schema.Type<typeof Experiment> {}
