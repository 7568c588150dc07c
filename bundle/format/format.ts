/**
 * The files of a bundle and their schemas. A bundle is a BagIt bag (RFC 8493) in a tar archive, with one folder at the top:
 *
 *     bagit.txt  bag-info.txt  manifest-sha512.txt  tagmanifest-sha512.txt
 *     record/    attempts.jsonl, machine.json: times, machines, costs; tag files, which are not part of the identity
 *     data/      the payload, an RO-Crate: everything that the numbers follow from
 *       README.md CLAIMS.json ro-crate-metadata.json croissant.json LICENSES/ verify.mjs
 *       ro-crate-preview.html    the report of the run; absent in older bundles
 *       experiment.yaml          the experiment of the run
 *       run.json                 BundleRun: every node with its keys and the files of its artifact
 *       pointers.json            Pointers: the files left out
 *       ALLOWED.json             Allowed: findings of the scan that a person allowed
 *       artifacts/<digest>/…     files of artifacts, unchanged
 *       environment/             the locked requirements of npm and Python
 *       cards/                   a card for each data set and model
 *       source/                  the sources of pipe
 *
 * The identity is the SHA-256 of `manifest-sha512.txt`, which has a hash of every file of the payload.
 */
import { Schema } from "effect";
import { ArtifactKind, Cost, Summary, TreeFile } from "../../schemas/Artifact.ts";
import { Finding } from "../../scan/Finding.ts";
import { Overrides } from "../../schemas/Overrides.ts";

export const bundleFormat = 2;

const Labels = Schema.Record(Schema.String, Schema.String);

/** A node with its keys and its artifact. */
export const BundleNode = Schema.Struct({
  node: Schema.String,
  /** Its name in the experiment, and the stage's registered name. */
  stageName: Schema.String,
  stage: Schema.String,
  labels: Labels,
  kind: ArtifactKind,
  recipe: Schema.String,
  content: Schema.String,
  /** The fields of the content key (`pipelines/plan/Keys.ts`). */
  keyParts: Schema.Json,
  artifact: Schema.String,
  /** All files of the artifact: `artifacts/<digest>/` has them, `pointers.json` lists the ones left out. */
  files: Schema.Array(TreeFile),
  summary: Summary,
  resumedFrom: Schema.optionalKey(Schema.Int),
  /** Cost of making it, from which the cost of a full rerun is estimated. */
  seconds: Schema.Finite,
  gpu: Schema.Boolean,
});
export interface BundleNode extends Schema.Schema.Type<typeof BundleNode> {}

/** `data/run.json`; nodes are in the plan's order. */
export const BundleRun = Schema.Struct({
  format: Schema.Literal(bundleFormat),
  experiment: Schema.String,
  description: Schema.optionalKey(Schema.String),
  overrides: Overrides,
  state: Schema.Literals(["done", "failed", "interrupted", "killed"]),
  /** The pipe that made it; without a commit if it is unknown or the bundle is anonymous. */
  pipe: Schema.Struct({ version: Schema.String, commit: Schema.optionalKey(Schema.String) }),
  nodes: Schema.Array(BundleNode),
  /** Planned nodes without a result; no claim covers them. */
  unmade: Schema.Array(Schema.Struct({ node: Schema.String, state: Schema.String })),
});
export interface BundleRun extends Schema.Schema.Type<typeof BundleRun> {}

/** A file of an artifact that is not in the bundle. */
export const Pointer = Schema.Struct({
  artifact: Schema.String,
  path: Schema.String,
  sha256: Schema.String,
  size: Schema.Int,
  why: Schema.Literals(["weights", "size", "missing"]),
  /** Recomputing claims takes it. */
  needed: Schema.Boolean,
  /** The command that recreates it. */
  rebuild: Schema.String,
});
export interface Pointer extends Schema.Schema.Type<typeof Pointer> {}

/** `data/pointers.json` */
export const Pointers = Schema.Array(Pointer);

/** `data/ALLOWED.json`: findings of the scan that a person allowed, each with the reason; absent without any. */
export const Allowed = Schema.Array(
  Schema.Struct({ ...Finding.fields, reason: Schema.NonEmptyString }),
);

/** One claimed number and the command that recomputes it. */
export const Claim = Schema.Struct({
  /** `table[loss=token]/a`: node, labels of the row, metric. */
  id: Schema.String,
  text: Schema.String,
  node: Schema.String,
  row: Labels,
  metric: Schema.String,
  value: Schema.NullOr(Schema.Finite),
  low: Schema.NullOr(Schema.Finite),
  high: Schema.NullOr(Schema.Finite),
  n: Schema.Int,
  /** The largest difference allowed in a full rerun; recomputing from transcripts must give the same number. */
  tolerance: Schema.Finite,
  command: Schema.String,
  /** Cost of the full rerun, as measured here. */
  seconds: Schema.Finite,
  bytes: Schema.Int,
  gpu: Schema.Boolean,
});
export interface Claim extends Schema.Schema.Type<typeof Claim> {}

/** `data/CLAIMS.json` */
export const Claims = Schema.Struct({
  format: Schema.Literal(bundleFormat),
  claims: Schema.Array(Claim),
});

/** A line of `record/attempts.jsonl`: one attempt at a node, successful or not. */
export const BundledAttempt = Schema.Struct({
  node: Schema.String,
  stage: Schema.String,
  status: Schema.Literals(["succeeded", "failed", "interrupted"]),
  startedAt: Schema.String,
  seconds: Schema.Finite,
  cost: Schema.optionalKey(Cost),
});
export interface BundledAttempt extends Schema.Schema.Type<typeof BundledAttempt> {}

/** One file of a bundle: bytes in memory, or a file on disk that is read when the archive is written. */
export interface Entry {
  /** Below the top folder, with forward slashes: `data/run.json`. */
  readonly path: string;
  readonly content: Uint8Array | { readonly file: string; readonly size: number };
  readonly executable?: true;
  /** The SPDX identifier of its licence. */
  readonly license: string;
}

export const limits = {
  /** Default cap of an archive, the limit of NeurIPS. */
  bytes: 100_000_000,
  /** Bounds for reading, so that a decompression bomb ends as an error. */
  unpackedBytes: 8_000_000_000,
  files: 1_000_000,
  pathBytes: 1_000,
} as const;
