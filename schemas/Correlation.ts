/** The parts of `correlations.json` (`kinds/CorrelationsFile.ts`) that `stats/` computes. */
import { Schema } from "effect";

/** A number with its 95 % interval; `reason` explains nulls. */
export const Estimate = Schema.Struct({
  value: Schema.NullOr(Schema.Finite),
  low: Schema.NullOr(Schema.Finite),
  high: Schema.NullOr(Schema.Finite),
  reason: Schema.NullOr(Schema.String),
});
export interface Estimate extends Schema.Schema.Type<typeof Estimate> {}

/** The quantity that a reward is correlated with. */
export const Target = Schema.Literals([
  /** The caption is p*. */
  "perception",
  /** The answer solves the instance that the response's own caption describes. */
  "reasoning",
  /** The share of right answers to the same prompt from the oracle perception. */
  "counterfactual",
]);
export type Target = typeof Target.Type;

/** Three correlations of the same rollouts. */
export const Readings = Schema.Struct({
  /** Every rollout is a pair. */
  pooled: Estimate,
  /** Every rollout is a pair, as differences from the means of its group, which is what GRPO learns from. */
  group_centred: Estimate,
  /** Every prompt is a pair of means. */
  prompt_means: Estimate,
});
export interface Readings extends Schema.Schema.Type<typeof Readings> {}
export type Reading = keyof Readings;

/** Counts of a 0/1 reward and a target over all rollouts; phi is the pooled correlation. */
export const ContingencyTable = Schema.Struct({
  both: Schema.Int,
  only_reward: Schema.Int,
  only_target: Schema.Int,
  neither: Schema.Int,
  /** The bounds of phi for these totals. */
  phi_min: Schema.NullOr(Schema.Finite),
  phi_max: Schema.NullOr(Schema.Finite),
});
export interface ContingencyTable extends Schema.Schema.Type<typeof ContingencyTable> {}

export const Association = Schema.Struct({
  reward: Schema.String,
  target: Target,
  rollouts: Schema.Int,
  prompts: Schema.Int,
  ...Readings.fields,
  /** Null where the reward is not 0/1, or the target is no property of a single rollout. */
  table: Schema.NullOr(ContingencyTable),
});
export interface Association extends Schema.Schema.Type<typeof Association> {}

/** Correlation with reasoning (own caption) minus that with perception, from the same resamples. */
export const Contrast = Schema.Struct({
  reward: Schema.String,
  ...Readings.fields,
  /** The same of prompt means with counterfactual reasoning in place of reasoning; absent before version 4 of `correlate`. */
  counterfactual: Schema.optionalKey(Estimate),
});
export interface Contrast extends Schema.Schema.Type<typeof Contrast> {}

/** One checkpoint: one element of the fan-in. */
export const CorrelationPoint = Schema.Struct({
  labels: Schema.Record(Schema.String, Schema.String),
  rollouts: Schema.Struct({ end_to_end: Schema.Int, counterfactual: Schema.Int }),
  prompts: Schema.Int,
  groups: Schema.Int,
  /** The first and last step of the rollouts. */
  steps: Schema.Struct({ first: Schema.Int, last: Schema.Int }),
  means: Schema.Struct({
    perception: Estimate,
    reasoning: Estimate,
    counterfactual: Estimate,
    rewards: Schema.Record(Schema.String, Estimate),
  }),
  associations: Schema.Array(Association),
  contrasts: Schema.Array(Contrast),
});
export interface CorrelationPoint extends Schema.Schema.Type<typeof CorrelationPoint> {}

/** The rank correlation of checkpoints' means. */
export const AcrossCheckpoints = Schema.Struct({
  reward: Schema.String,
  target: Target,
  checkpoints: Schema.Int,
  spearman: Estimate,
});
export interface AcrossCheckpoints extends Schema.Schema.Type<typeof AcrossCheckpoints> {}
