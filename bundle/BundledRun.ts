/** What of a run goes into a bundle, as the store has it. */
import type { RunState } from "../pipelines/RunHistory.ts";
import type { BundledAttempt, BundleNode, BundleRun, Entry, Pointer } from "./format.ts";

/** A node as the bundle tells it, and what is only known here. */
export interface GatheredNode {
  readonly told: BundleNode;
  /** What its artifact takes in the store, and what making it took. */
  readonly bytes: number;
  readonly seconds: number;
  readonly asksForGpu: boolean;
  /** Made by a program other than pipe itself, such as a trainer: on another machine it may come out otherwise. */
  readonly mayVary: boolean;
  /** The nodes of the run that it takes from. */
  readonly from: ReadonlyArray<GatheredNode>;
}

export interface BundledRun {
  readonly run: BundleRun;
  readonly state: RunState;
  /** As in `run.nodes`. */
  readonly nodes: ReadonlyArray<GatheredNode>;
  readonly pointers: ReadonlyArray<Pointer>;
  /** Pointers to files without which claims can't be recomputed. */
  readonly needed: ReadonlySet<Pointer>;
  readonly entries: ReadonlyArray<Entry>;
  /** The SHA-256 of every entry, by its path. */
  readonly digests: ReadonlyMap<string, string>;
  readonly attempts: ReadonlyArray<BundledAttempt>;
  /** On which machines it was made: their facts, each once. */
  readonly machines: ReadonlyArray<Readonly<Record<string, string>>>;
  /** The experiment's text. */
  readonly spec: string;
}
