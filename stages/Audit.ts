/**
 * The audit of a stage: what verifying a bundle knows of its results beyond their keys and schemas. It lies beside the declaration,
 * `Generate.audit.ts` beside `Generate.ts`, with a line in `audits.ts`; a stage whose run only computes numbers needs none, because
 * verifying repeats it (`numberRuns.ts`). An audit is no part of its stage's code identity.
 */
import type { Truth } from "../kinds/Dataset.ts";
import type { Rollout } from "../kinds/Rollouts.ts";
import type { Mode, Score } from "../tasks/score.ts";
import type { Stage, StageDefinition } from "./Stage.ts";

export interface StageAudit<Params> {
  /** Others wrote the output: a person's `program`, or the author of files `imported` into the experiment. */
  readonly origin?: "program" | "imported";
  /** The examples that the output is about, where it is about a split of the input `data`. */
  readonly examples?: (params: Params) => Examples;
  /** For predictions, which have one answer for each example in each of these modes. */
  readonly modes?: (params: Params) => ReadonlyArray<Mode>;
  readonly rollouts?: (params: Params, sampled: SampledNode) => ExpectedRollouts;
}

/** An audit whose stage's params only it knows. */
export interface Audit extends StageAudit<any> {
  readonly stage: Stage;
}

/** Joins an audit to its stage; the type of the params is the declaration's. */
export const audit = <Params>(stage: StageDefinition<Params>, how: StageAudit<Params>): Audit => ({
  ...how,
  stage,
});

export type ParamsOf<Declared> =
  Declared extends StageDefinition<infer Params extends object> ? Params : never;

/** The first `limit` rows of a split, or all. */
export interface Examples {
  readonly split: string;
  readonly limit: number | null;
}

/** The record of a node whose rollouts are audited. */
export interface SampledNode {
  /** The ids of its examples, in the order of the split; undefined where the bundle leaves the split out. */
  readonly ids: ReadonlyArray<string> | undefined;
  /** The stage's version when it ran. */
  readonly version: number;
  readonly resumedFrom: number | undefined;
}

/** The rollouts that a node must have written. */
export interface ExpectedRollouts {
  /** A `tolerated` step may be absent. */
  readonly step: (step: number) => "expected" | "tolerated" | "unexpected";
  /** The first expected step that is not among those seen. */
  readonly missingStep: (seen: ReadonlySet<number>) => number | undefined;
  /** A step samples up to `waves` times, `atOnce` groups each; undefined where that depends on a split that is left out. */
  readonly groups: { readonly atOnce: number; readonly waves: number } | undefined;
  /** The responses of a group. */
  readonly samples: Readonly<Record<Mode, number>>;
  /** Undefined where nothing is known. */
  readonly slot: (step: number, group: number) => Slot | undefined;
  /** Every reward of a response, by name. */
  readonly rewards: (mode: Mode) => ReadonlyMap<string, RewardRule>;
  /** A policy learned from them: checks a group's total reward, and the advantages of a complete step. */
  readonly training?: {
    readonly checkGroup: (group: RewardedGroup) => ReadonlyArray<RolloutFinding>;
    readonly checkStep: (
      step: number,
      groups: ReadonlyArray<RewardedGroup>,
    ) => ReadonlyArray<RolloutFinding>;
  };
}

/** The mode of a group, and as much of its example as follows from params without random numbers. */
export interface Slot {
  readonly mode: Mode;
  readonly id?: string;
  /** The pass over the split; an example occurs once in each. */
  readonly round?: number;
}

/** Recomputes a reward of a group's responses in order; `model` takes a model, `derived` is checked by `training`. */
export type RewardRule = ((group: JudgedGroup) => ReadonlyArray<number>) | "model" | "derived";

/** The responses to one example in one mode, in the order of the samples, with the scorer's verdicts. */
export interface JudgedGroup {
  readonly rollouts: ReadonlyArray<Rollout>;
  readonly scores: ReadonlyArray<Score>;
  readonly truth: Truth;
}

export interface RewardedGroup {
  readonly rollouts: ReadonlyArray<Rollout>;
  /** Each response's rewards by name: recomputed where possible, else as written. */
  readonly rewards: ReadonlyArray<Readonly<Record<string, number>>>;
  /** Names of the rewards that are as written. */
  readonly unchecked: ReadonlySet<string>;
}

export interface RolloutFinding {
  /** The step, group or value that differs. */
  readonly where: string;
  readonly expected: unknown;
  readonly found: unknown;
  readonly message: string;
}

export const rolloutName = ({ id, step, group, sample, mode }: Rollout): string =>
  `${id} (step ${step}, group ${group}, sample ${sample}, ${mode})`;

/** Trainers write numbers with six digits. */
export const sixDigits = 5.000001e-7;
