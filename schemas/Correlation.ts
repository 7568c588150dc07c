/** `correlations.json`: what each reward goes along with, in which reading, of how many rollouts, and how surely. */
import { Schema } from "effect";

/** A number with its 95 % interval; what is null has its reason. */
export const Estimate = Schema.Struct({
  value: Schema.NullOr(Schema.Finite),
  low: Schema.NullOr(Schema.Finite),
  high: Schema.NullOr(Schema.Finite),
  reason: Schema.NullOr(Schema.String),
});
export interface Estimate extends Schema.Schema.Type<typeof Estimate> {}

/** What a reward is held against. */
export const Target = Schema.Literals([
  /** The caption is p*. */
  "perception",
  /** The answer solves the instance that the response's own caption describes. */
  "reasoning",
  /** The share of right answers to the same prompt from the oracle perception. */
  "counterfactual",
]);
export type Target = typeof Target.Type;

/** Three ways to correlate the same rollouts. */
export const Readings = Schema.Struct({
  /** Every rollout is a pair. */
  pooled: Estimate,
  /** Every rollout is a pair, as differences from the means of its group: all that GRPO sees. */
  group_centred: Estimate,
  /** Every prompt is a pair of means. */
  prompt_means: Estimate,
});
export interface Readings extends Schema.Schema.Type<typeof Readings> {}
export type Reading = keyof Readings;

/** How often a 0/1 reward was earned, and the target reached, in all rollouts; phi is the pooled correlation. */
export const ContingencyTable = Schema.Struct({
  both: Schema.Int,
  only_reward: Schema.Int,
  only_target: Schema.Int,
  neither: Schema.Int,
  /** The ends that phi could reach with these totals. */
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
  /** Null where the reward is not 0/1, and for what is no property of a single rollout. */
  table: Schema.NullOr(ContingencyTable),
});
export interface Association extends Schema.Schema.Type<typeof Association> {}

/** By how much a reward correlates more with reasoning (own caption) than with perception, from the same resamples. */
export const Contrast = Schema.Struct({ reward: Schema.String, ...Readings.fields });
export interface Contrast extends Schema.Schema.Type<typeof Contrast> {}

/** One checkpoint: one element of the fan-in. */
export const CorrelationPoint = Schema.Struct({
  labels: Schema.Record(Schema.String, Schema.String),
  rollouts: Schema.Struct({ end_to_end: Schema.Int, counterfactual: Schema.Int }),
  prompts: Schema.Int,
  groups: Schema.Int,
  /** The first and the last step that rollouts are of. */
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

const Range = Schema.Struct({ low: Schema.Finite, high: Schema.Finite });

export const Correlations = Schema.Struct({
  format: Schema.Literal(1),
  /** Which models the numbers are of, in words; a micro model is always called one. */
  models: Schema.Array(Schema.String),
  axes: Schema.Array(Schema.String),
  interval: Schema.Struct({
    method: Schema.String,
    clusters: Schema.Literal("prompts"),
    confidence: Schema.Finite,
    resamples: Schema.Int,
    seed: Schema.Int,
  }),
  /** What the paper reports of the outcome reward, and which of the numbers here is to be held against it. */
  published: Schema.Struct({
    source: Schema.String,
    outcome_with_reasoning: Range,
    outcome_with_perception: Range,
    reading: Schema.Literals(["pooled"]),
    target_of_reasoning: Target,
    note: Schema.String,
  }),
  points: Schema.Array(CorrelationPoint),
  across: Schema.Array(AcrossCheckpoints),
});
export interface Correlations extends Schema.Schema.Type<typeof Correlations> {}
