/** Artifacts, and actions: the records of how they were made. */
import { Schema } from "effect";

export const ArtifactKind = Schema.Literals([
  "dataset",
  "transcripts",
  "model",
  "predictions",
  "scores",
  "rollouts",
  "table",
  "correlations",
  "measurements",
  "files",
]);
export type ArtifactKind = typeof ArtifactKind.Type;

/** One file of a tree; `path` uses forward slashes, `size` is in bytes. */
export const TreeFile = Schema.Struct({
  path: Schema.String,
  sha256: Schema.String,
  size: Schema.Int,
  executable: Schema.optionalKey(Schema.Literal(true)),
});
export interface TreeFile extends Schema.Schema.Type<typeof TreeFile> {}

/** An immutable tree of files; `digest` is the SHA-256 of the canonical JSON of `files`. */
export const Artifact = Schema.Struct({
  digest: Schema.String,
  kind: ArtifactKind,
  files: Schema.Array(TreeFile),
  bytes: Schema.Int,
});
export interface Artifact extends Schema.Schema.Type<typeof Artifact> {}

/** The cost of an action; memory and processor time are absent where they can't be measured. */
export const Cost = Schema.Struct({
  wallSeconds: Schema.Finite,
  /** The part that does not grow with the work: starting, loading, saving. Absent where no progress was reported twice. */
  fixedSeconds: Schema.optionalKey(Schema.Finite),
  cpuSeconds: Schema.optionalKey(Schema.Finite),
  maxRssBytes: Schema.optionalKey(Schema.Int),
  /** Seconds of each phase of a trainer's job by name, such as `imports`, `data` and `steps` (trainers/phases.py). */
  phases: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
});
export interface Cost extends Schema.Schema.Type<typeof Cost> {}

/** Small facts about an output, from its stage. */
export const Summary = Schema.Record(Schema.String, Schema.Json);
export type Summary = typeof Summary.Type;

/** The record: this recipe produced that artifact, from these inputs, in this environment, at this cost. */
export const Action = Schema.Struct({
  recipe: Schema.String,
  content: Schema.String,
  stage: Schema.String,
  /** The experiment and the node that first made it. */
  experiment: Schema.String,
  node: Schema.String,
  artifact: Schema.String,
  kind: ArtifactKind,
  keyParts: Schema.Json,
  environment: Schema.Record(Schema.String, Schema.String),
  cost: Cost,
  summary: Summary,
  /** The step of the checkpoint that a training resumed from. */
  resumedFrom: Schema.optionalKey(Schema.Int),
  /** The key that longer and shorter trainings share: their checkpoints lie under it. */
  training: Schema.optionalKey(Schema.String),
  finishedAt: Schema.String,
});
export interface Action extends Schema.Schema.Type<typeof Action> {}
