/** The part of a run that goes into a bundle, as the store has it. */
import type { BundledAttempt, BundleRun, Entry, Pointer } from "../format/format.ts";
import type { RunNode } from "../describe/runNodes.ts";

export interface GatheredRun {
  readonly run: BundleRun;
  /** Those of `run.nodes`. */
  readonly nodes: ReadonlyArray<RunNode>;
  readonly pointers: ReadonlyArray<Pointer>;
  readonly entries: ReadonlyArray<Entry>;
  /** The SHA-256 of every entry, by its path. */
  readonly digests: ReadonlyMap<string, string>;
  readonly attempts: ReadonlyArray<BundledAttempt>;
  /** On which machines it was made: their facts, each once. */
  readonly machines: ReadonlyArray<Readonly<Record<string, string>>>;
  /** The experiment's text. */
  readonly spec: string;
}
