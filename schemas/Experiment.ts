/** What an experiment file says, before its params are known to any stage. */
import { Schema } from "effect";
import { Bytes } from "./Bytes.ts";
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

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const Positive = Schema.Int.check(Schema.isGreaterThan(0));

const SHARES = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];

/** GPUs to itself, or the share of one that it has together with others: those that have room for it (`gpu_lease.py`). */
const Gpus = Schema.Finite.check(
  Schema.makeFilter(
    (gpus: number) => (Number.isInteger(gpus) && gpus >= 0) || SHARES.includes(gpus),
    {
      message: `a whole number of GPUs, or a share of one: ${SHARES.join(", ")}`,
      toJsonSchema: () => ({ anyOf: [{ type: "integer", minimum: 0 }, { enum: SHARES }] }),
    },
  ),
);

/** What a node of the stage takes of its machine while it runs. None of it is part of a key. */
const Resources = Schema.Struct({
  cpus: Schema.optionalKey(Positive),
  memory: Schema.optionalKey(Bytes.annotate({ description: "such as `8 GB`" })),
  gpus: Schema.optionalKey(Gpus),
}).annotate({ description: "what a node takes of the machine; no part of its key" });

/** When a failure is the machinery's and not the work's, and how often to try again. */
const Retry = Schema.Struct({
  times: Schema.optionalKey(Count.annotate({ description: "how often to try again; 2" })),
  wait: Schema.optionalKey(
    Schema.DurationFromString.annotate({
      description: "before the first further try, doubled each time; `1 second`",
    }),
  ),
  exit_codes: Schema.optionalKey(
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 255 }))).annotate({
      description: "exit codes that mean: the machinery failed; a lost job always does",
    }),
  ),
}).annotate({ description: "further tries after failures of the machinery; no part of a key" });

export const StageSpec = Schema.Struct({
  use: Schema.String,
  from: Schema.optionalKey(Schema.Record(Name, InputSpec)),
  with: Schema.optionalKey(Schema.Record(Schema.String, JsonValue)),
  resources: Schema.optionalKey(Resources),
  retry: Schema.optionalKey(Retry),
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
