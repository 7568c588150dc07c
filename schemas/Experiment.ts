/** The schema of experiment files, except for the params of stages. */
import { Schema } from "effect";
import { Bytes } from "./Bytes.ts";
import type { Json } from "./Digest.ts";
import { NotNegative, Positive } from "./numbers.ts";
import { Pause } from "./time.ts";

/** A run's directory has the name of its experiment and a number. */
const identifier = /^[A-Za-z][A-Za-z0-9_-]{0,199}$/u;

const Name = Schema.String.check(
  Schema.isPattern(identifier, {
    message: "a name: at most 200 letters, digits, - and _, beginning with a letter",
  }),
);

const JsonValue: Schema.Codec<Json> = Schema.Json as never;

const Scalar = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]);

/** One value of an axis: a scalar is its own label, an object has a `label`. */
const AxisValue = Schema.Union([
  Scalar,
  Schema.StructWithRest(Schema.Struct({ label: Schema.NonEmptyString }), [
    Schema.Record(Schema.String, JsonValue),
  ]),
]).annotate({ description: "a scalar, or an object with a `label`" });

/** The source of an input: a stage point by point, or `all` of its points (over the axes in `over`). */
const InputSpec = Schema.Union([
  Schema.String,
  Schema.Struct({
    all: Schema.String,
    over: Schema.optionalKey(
      Schema.Array(Schema.String).check(Schema.isMinLength(1, { message: "at least one axis" })),
    ),
  }),
]).annotate({ description: "a stage's name, or { all: stage, over: [axes] }" });

const SHARES = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];

/** Whole GPUs, or a share of one that other jobs use as well (`gpu_lease.py`). */
const Gpus = Schema.Finite.annotate({
  description: "GPUs, or a share of one such as 0.25",
  default: 0,
}).check(
  Schema.makeFilter(
    (gpus: number) => (Number.isInteger(gpus) && gpus >= 0) || SHARES.includes(gpus),
    {
      message: `a whole number of GPUs, or a share of one: ${SHARES.join(", ")}`,
      toJsonSchema: () => ({ anyOf: [{ type: "integer", minimum: 0 }, { enum: SHARES }] }),
    },
  ),
);

/** The resources of a node while it runs; no part of a key. */
const Resources = Schema.Struct({
  cpus: Schema.optionalKey(
    Positive.annotate({
      description: "slots out of `--jobs`, and threads of the libraries",
      default: 1,
    }),
  ),
  memory: Schema.optionalKey(
    Bytes.pipe(
      Schema.annotateEncoded({ description: "memory to reserve, such as `8 GB`; left out: none" }),
    ),
  ),
  gpus: Schema.optionalKey(Gpus),
  nodes: Schema.optionalKey(
    Positive.annotate({
      description:
        "nodes of a cluster for one `command`, which is started on each; the resources above are those of each node",
      default: 1,
    }),
  ),
}).annotate({ description: "resources of a node while it runs; no part of its key" });

/** Retries after infrastructure failures. */
const Retry = Schema.Struct({
  times: Schema.optionalKey(
    NotNegative.annotate({
      description: "number of retries; an attempt that left a new checkpoint uses up none",
      default: 2,
    }),
  ),
  wait: Schema.optionalKey(
    Pause.pipe(
      Schema.annotateEncoded({
        description: "wait before the first retry, doubled each time",
        default: "1 second",
      }),
    ),
  ),
  exit_codes: Schema.optionalKey(
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 255 }))).annotate({
      description:
        "exit codes of infrastructure failures; a lost job always is one; left out: none",
    }),
  ),
}).annotate({ description: "retries after infrastructure failures; no part of a key" });

export const StageSpec = Schema.Struct({
  use: Schema.String.annotate({ description: "the kind of stage: see `pipe stages NAME`" }),
  from: Schema.optionalKey(
    Schema.Record(Name, InputSpec).annotate({ description: "inputs by name" }),
  ),
  with: Schema.optionalKey(
    Schema.Record(Schema.String, JsonValue).annotate({ description: "params by name" }),
  ),
  resources: Schema.optionalKey(Resources),
  retry: Schema.optionalKey(Retry),
});
export interface StageSpec extends Schema.Schema.Type<typeof StageSpec> {}

export const Experiment = Schema.Struct({
  name: Name.annotate({ description: "names the experiment's runs" }),
  description: Schema.optionalKey(Schema.String.annotate({ description: "for readers" })),
  axes: Schema.optionalKey(
    Schema.Record(
      Name,
      Schema.Array(AxisValue).check(Schema.isMinLength(1, { message: "at least one value" })),
    ).annotate({
      description: "dimensions of the sweep: each name with its values; `$name` stands for a value",
    }),
  ),
  stages: Schema.Record(Name, StageSpec)
    .check(Schema.isMinProperties(1, { message: "at least one stage" }))
    .annotate({ description: "the work, by name" }),
}).annotate({ description: "an experiment of pipe" });
export interface Experiment extends Schema.Schema.Type<typeof Experiment> {}
