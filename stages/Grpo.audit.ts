/** Audit of `grpo`: every recorded step has its groups, rewards and advantages (`trainers/grpo.py`). */
import {
  audit,
  type ExpectedRollouts,
  type ParamsOf,
  type RewardedGroup,
  type SampledNode,
} from "./Audit.ts";
import { Grpo, surrogatesOf } from "./Grpo.ts";
import { checkAdvantages, checkTotals, type Learning } from "./grpoAdvantages.ts";
import { surrogateRules, verdictRules } from "./rewardRules.ts";

export type GrpoParams = ParamsOf<typeof Grpo>;

export const expectedOfGrpo = (
  params: GrpoParams,
  { ids, version, resumedFrom = 0 }: SampledNode,
): ExpectedRollouts => {
  const { steps, record_every: every, prompts_per_step: atOnce } = params;
  const waves = params.dynamic_sampling.kind === "refill" ? params.dynamic_sampling.waves : 1;
  const rewards = new Map([
    ...verdictRules,
    ...surrogatesOf(params).flatMap((name) => surrogateRules[name]),
    ["total", "derived"] as const,
  ]);
  const learning = learningOf(params, waves);
  const stepOf = ({ rollouts }: RewardedGroup) => rollouts[0]!.step;
  const isRecorded = (step: number) =>
    step >= 1 && step <= steps && (step % every === 0 || step === steps);
  return {
    step: (step) => {
      if (isRecorded(step)) return "expected";
      // Version 1 also kept the last step of a shorter run that it resumed.
      return version === 1 && step >= 1 && step <= resumedFrom ? "tolerated" : "unexpected";
    },
    missingStep: (seen) => {
      for (let step = Math.min(every, steps); ; step = Math.min(step + every, steps)) {
        if (!seen.has(step)) return step;
        if (step === steps) return undefined;
      }
    },
    groups: { atOnce, waves },
    samples: { "end-to-end": params.group, counterfactual: 0 },
    slot: (step, group) => {
      if (ids === undefined) return { mode: "end-to-end" };
      // A step takes the prompts of all its waves, used or not.
      const place = (step - 1) * waves * atOnce + group;
      return params.prompts === "stream"
        ? { mode: "end-to-end", id: ids[place]! }
        : { mode: "end-to-end", round: roundOf(params, step, place, ids.length) };
    },
    rewards: () => rewards,
    training: {
      checkGroup: (group) => checkTotals(group, learning(stepOf(group))),
      checkStep: (step, groups) => checkAdvantages(step, groups, learning(step)),
    },
  };
};

export const grpoAudit = audit(Grpo, {
  examples: ({ split }) => ({ split, limit: null }),
  rollouts: expectedOfGrpo,
});

/** verl begins a new pass where the rest of one would not fill a step. */
const roundOf = (params: GrpoParams, step: number, place: number, examples: number): number =>
  params.trainer === "verl"
    ? Math.floor((step - 1) / Math.max(1, Math.floor(examples / params.prompts_per_step)))
    : Math.floor(place / examples);

/** How a step learns; steps are numbered from 1. */
const learningOf =
  (params: GrpoParams, waves: number) =>
  (step: number): Learning => ({
    alpha: alphaOf(params, step),
    perception: rewardName(params.perception),
    normalize: params.normalize,
    std: params.std,
    perReward: params.per_reward || params.credit === "span",
    bySpan: params.credit === "span",
    dropsEqual: params.dynamic_sampling.kind !== "none",
    wanted: params.prompts_per_step,
    waves,
  });

/** α of a step: `alpha_at` of `trainers/grpo.py`. */
const alphaOf = ({ alpha, alpha_end, steps }: GrpoParams, step: number): number =>
  alpha + ((alpha_end ?? alpha) - alpha) * ((step - 1) / Math.max(1, steps - 1));

/** `reward_name` of `trainers/rewards.py`. */
const rewardName = (perception: GrpoParams["perception"]): string => {
  if (perception === "oracle") return "perception";
  if (perception === "oracle-f1") return "perception_f1";
  const name = perception.surrogate.replace("-", "_");
  return "as" in perception && perception.as === "f1" ? `${name}_f1` : name;
};
