/**
 * Everything the program tells a person while it works: one closed union. The live view, the plain log, the JSON lines
 * and every later report are renderings of these events and of nothing else.
 *
 * `at` is UTC in ISO 8601; seconds are wall-clock seconds; `node` is the node's readable name, such as `model[loss=token]`.
 */
import { Schema } from "effect";
import { Summary } from "./Artifact.ts";

const at = Schema.String;
const node = Schema.String;

export const Event = Schema.TaggedUnion({
  RunStarted: {
    at,
    run: Schema.String,
    experiment: Schema.String,
    nodes: Schema.Int,
    cached: Schema.Int,
    jobs: Schema.Int,
  },
  NodeReused: {
    at,
    node,
    recipe: Schema.String,
    artifact: Schema.String,
    found: Schema.Literals(["recipe", "content", "other-run"]),
  },
  NodeWaiting: { at, node, owner: Schema.String },
  NodeStarted: { at, node, recipe: Schema.String, attempt: Schema.String, log: Schema.String },
  NodeProgress: { at, node, done: Schema.Finite, total: Schema.Finite, unit: Schema.String },
  NodeMetrics: {
    at,
    node,
    step: Schema.Finite,
    values: Schema.Record(Schema.String, Schema.Finite),
  },
  NodeMessage: { at, node, level: Schema.Literals(["info", "warn"]), message: Schema.String },
  NodeSucceeded: {
    at,
    node,
    artifact: Schema.String,
    seconds: Schema.Finite,
    summary: Summary,
    /** The artifact that the same work on the same inputs gave the last time, where that was another. */
    differs: Schema.optionalKey(Schema.String),
  },
  /** The machinery failed it; another attempt begins after `seconds`. */
  NodeRetried: { at, node, message: Schema.String, seconds: Schema.Finite },
  NodeFailed: {
    at,
    node,
    message: Schema.String,
    fix: Schema.String,
    logTail: Schema.Array(Schema.String),
    kept: Schema.String,
    seconds: Schema.Finite,
  },
  NodeSkipped: { at, node, because: Schema.String },
  NodeInterrupted: { at, node, kept: Schema.String },
  RunStopping: { at, run: Schema.String, running: Schema.Int },
  RunFinished: {
    at,
    run: Schema.String,
    status: Schema.Literals(["done", "failed", "interrupted"]),
    executed: Schema.Int,
    reused: Schema.Int,
    failed: Schema.Int,
    skipped: Schema.Int,
    seconds: Schema.Finite,
  },
});
export type Event = typeof Event.Type;
export type EventOf<Tag extends Event["_tag"]> = Extract<Event, { readonly _tag: Tag }>;
