/**
 * Everything that a run tells a person: one closed union. The live view, plain lines, JSON lines, `pipe status` and
 * `pipe logs` all render these events. Commands that run nothing print their own answers.
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
    /** The number of due nodes of each stage, by the stage's name in the experiment. */
    due: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int)),
    /** Lines for the experiment's author, such as probable mistakes and files left out of sources. */
    notes: Schema.optionalKey(Schema.Array(Schema.String)),
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
    /** The last artifact of the same work on the same inputs, if it is a different one. */
    differs: Schema.optionalKey(Schema.String),
  },
  /** An infrastructure failure; the next attempt begins after `seconds`. */
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
  NodeInterrupted: {
    at,
    node,
    kept: Schema.String,
    /** The work that a later attempt continues; absent in the events of an earlier `pipe`. */
    leaves: Schema.optionalKey(Schema.Literals(["job", "checkpoints", "answers", "nothing"])),
  },
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
