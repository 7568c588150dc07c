/** Artifacts and actions: what the store holds, and the record of how it came to be. */
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

/** What making something cost; memory and processor time are absent where nobody could measure them. */
export const Cost = Schema.Struct({
  wallSeconds: Schema.Finite,
  cpuSeconds: Schema.optionalKey(Schema.Finite),
  maxRssBytes: Schema.optionalKey(Schema.Int),
});
export interface Cost extends Schema.Schema.Type<typeof Cost> {}

/** Small facts a stage reports about its output. */
export const Summary = Schema.Record(Schema.String, Schema.Json);
export type Summary = typeof Summary.Type;

/** The record: this recipe produced that artifact, from these inputs, in this environment, at this cost. */
export const Action = Schema.Struct({
  recipe: Schema.String,
  content: Schema.String,
  stage: Schema.String,
  /** Who first asked for it: the experiment and the node, as a person reads it. */
  experiment: Schema.String,
  node: Schema.String,
  artifact: Schema.String,
  kind: ArtifactKind,
  keyParts: Schema.Json,
  environment: Schema.Record(Schema.String, Schema.String),
  cost: Cost,
  summary: Summary,
  /** A training that went on from a checkpoint says at which step. */
  resumedFrom: Schema.optionalKey(Schema.Int),
  /** What a training shares with longer and shorter ones: by it their checkpoints lie in the store. */
  training: Schema.optionalKey(Schema.String),
  finishedAt: Schema.String,
});
export interface Action extends Schema.Schema.Type<typeof Action> {}
