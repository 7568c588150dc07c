/**
 * What a bundle holds, and what its files say. A bundle is a BagIt bag (RFC 8493) in a tar archive, with one folder at the top:
 *
 *     bagit.txt  bag-info.txt  manifest-sha512.txt  tagmanifest-sha512.txt
 *     record/    attempts.jsonl, machine.json: when, where and at what cost; tag files, so no part of the bundle's identity
 *     data/      the payload, an RO-Crate: all that the numbers follow from
 *       README.md CLAIMS.json ro-crate-metadata.json croissant.json LICENSES/ verify.mjs
 *       experiment.yaml          the spec as it was run
 *       run.json                 BundleRun: every node with its keys and the files of its artifact
 *       pointers.json            Pointers: the files that are left out
 *       ALLOWED.json             Allowed: findings of the scan that were let pass
 *       artifacts/<digest>/…     files of artifacts, as the store has them
 *       environment/             the locked requirements of npm and Python
 *       cards/                   a card for each data set and model
 *       source/                  the product at the commit that made it
 *
 * The identity is the SHA-256 of `manifest-sha512.txt`, which names every byte of the payload.
 */
import { Schema } from "effect";
import { ArtifactKind, Cost, Summary, TreeFile } from "../schemas/Artifact.ts";
import { Finding } from "./scan/Finding.ts";

export const bundleFormat = 1;

const Labels = Schema.Record(Schema.String, Schema.String);

/** A node, what it was asked, and what it made. */
export const BundleNode = Schema.Struct({
  node: Schema.String,
  /** Its name in the experiment, and the stage's registered name. */
  stageName: Schema.String,
  stage: Schema.String,
  labels: Labels,
  kind: ArtifactKind,
  recipe: Schema.String,
  content: Schema.String,
  /** The fields of the content key (`pipelines/Keys.ts`). */
  keyParts: Schema.Json,
  artifact: Schema.String,
  /** All files of the artifact; those that are left out are in `pointers.json`, the others in `artifacts/<digest>/`. */
  files: Schema.Array(TreeFile),
  summary: Summary,
  resumedFrom: Schema.optionalKey(Schema.Int),
  /** What making it took, and whether it asked for a GPU: what a full re-run takes is told by these. */
  seconds: Schema.Finite,
  gpu: Schema.Boolean,
});
export interface BundleNode extends Schema.Schema.Type<typeof BundleNode> {}

/** `data/run.json`; nodes stand in the plan's order. */
export const BundleRun = Schema.Struct({
  format: Schema.Literal(bundleFormat),
  experiment: Schema.String,
  description: Schema.optionalKey(Schema.String),
  /** `--set`, `--axis` and `--only`, as they were given. */
  overrides: Schema.Array(Schema.String),
  /** How the run ended. */
  state: Schema.Literals(["done", "failed", "interrupted", "killed"]),
  /** The product that made it; the commit is absent where nobody knows it, or where authors are to stay unknown. */
  pipe: Schema.Struct({ version: Schema.String, commit: Schema.optionalKey(Schema.String) }),
  nodes: Schema.Array(BundleNode),
  /** The nodes that the run was to make and has not, with how they stand: nothing is claimed of them. */
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
  /** Whether claims can't be recomputed without it. */
  needed: Schema.Boolean,
  /** The command that makes it again. */
  rebuild: Schema.String,
});
export interface Pointer extends Schema.Schema.Type<typeof Pointer> {}

/** `data/pointers.json` */
export const Pointers = Schema.Array(Pointer);

/** `data/ALLOWED.json`: what the scan has found and somebody has let pass, with the reason; absent where there is nothing. */
export const Allowed = Schema.Array(
  Schema.Struct({ ...Finding.fields, reason: Schema.NonEmptyString }),
);

/** One number that the bundle stands for, and how to get it. */
export const Claim = Schema.Struct({
  /** `table[loss=token]/a`: node, labels of the row, name of the number. */
  id: Schema.String,
  text: Schema.String,
  node: Schema.String,
  row: Labels,
  metric: Schema.String,
  value: Schema.NullOr(Schema.Finite),
  low: Schema.NullOr(Schema.Finite),
  high: Schema.NullOr(Schema.Finite),
  n: Schema.Int,
  /** How far a full re-run may be off; recomputing from transcripts allows nothing. */
  tolerance: Schema.Finite,
  command: Schema.String,
  /** Of the full re-run: what it took here. */
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

/** A line of `record/attempts.jsonl`: every try at a node of the run, those that failed too. */
export const BundledAttempt = Schema.Struct({
  node: Schema.String,
  stage: Schema.String,
  status: Schema.Literals(["succeeded", "failed", "interrupted"]),
  startedAt: Schema.String,
  seconds: Schema.Finite,
  cost: Schema.optionalKey(Cost),
});
export interface BundledAttempt extends Schema.Schema.Type<typeof BundledAttempt> {}

/** One file of a bundle on its way into the archive: bytes, or a file of known digest to be read when it is written. */
export interface Entry {
  /** Below the top folder, with forward slashes: `data/run.json`. */
  readonly path: string;
  readonly content: Uint8Array | { readonly file: string; readonly size: number };
  readonly executable?: true;
  /** The SPDX identifier of its licence. */
  readonly license: string;
}

export const limits = {
  /** Of an archive, unless the person says otherwise: what NeurIPS takes. */
  bytes: 100_000_000,
  /** What a reader of bundles accepts at most, so that a bomb ends as an error. */
  unpackedBytes: 8_000_000_000,
  files: 1_000_000,
  pathBytes: 1_000,
} as const;
