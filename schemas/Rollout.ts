/**
 * One line of `rollouts.jsonl` or `rollouts.jsonl.gz`: one response that a policy gave to a prompt, what the scorer says of it, and what it earned.
 * Stages that sample or train write it, one line a response in the order of (step, group, sample); `correlate` reads it.
 */
import { Schema } from "effect";
import { ScoreLine } from "./ScoreLine.ts";

const FromZero = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));

export const Rollout = Schema.Struct({
  /** The prompt; the same in every rollout of it, in every step and both modes. */
  id: Schema.String,
  /** Which of its step's prompts it is, from 0: rollouts with the same `step` and `group` are compared with each other. */
  group: FromZero,
  /** The step of the training, from 1; 0 where a policy was sampled and not trained. */
  step: FromZero,
  /** Which response of its group, from 0. */
  sample: FromZero,
  mode: ScoreLine.fields.mode,
  response: Schema.String,
  /** How many tokens the policy made; the prompt and a forced caption are not among them. */
  tokens: FromZero,
  /** The response ended by itself, and was not cut at its longest. */
  finished: Schema.optionalKey(Schema.Boolean),
  outcome: ScoreLine.fields.outcome,
  /** The caption is p*; a forced one always is. */
  perception: ScoreLine.fields.perception,
  perception_f1: ScoreLine.fields.perception_f1,
  /** The answer solves the instance that the caption describes. */
  consistent: ScoreLine.fields.consistent,
  reason: ScoreLine.fields.reason,
  /**
   * By name, each before it is weighed: `outcome`, `perception`, and the surrogates, such as `teacher`, `blind_solve`,
   * `consensus` and the same with `_f1`; `total` is what was trained on, and is absent without training. A part that was
   * not computed for this rollout is absent, and never 0.
   */
  rewards: Schema.Record(Schema.String, Schema.Finite),
  /** What the loss was weighed by; null without training. */
  advantage: Schema.NullOr(Schema.Finite),
});
export interface Rollout extends Schema.Schema.Type<typeof Rollout> {}
