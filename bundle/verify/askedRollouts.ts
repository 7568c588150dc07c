/**
 * Which groups of responses a node was to write, and which rewards with them, by its params alone: what `trainers/rollout.py` and
 * `trainers/grpo.py` do. Which group is about which example is known as far as it needs no random numbers.
 */
import type { ScoreLine } from "../../schemas/ScoreLine.ts";
import type { Split } from "./splits.ts";

export type Mode = ScoreLine["mode"];

/** Where a group stands among the others. */
export interface Slot {
  readonly mode: Mode;
  /** The example it is about, where that is known. */
  readonly id?: string;
  /** Else which time around the split it is: there, an example comes once. */
  readonly round?: number;
}

export interface Asked {
  /** The steps whose rollouts are kept: how many, and each by its place among them, from 0. */
  readonly steps: number;
  readonly stepAt: (place: number) => number;
  readonly isKept: (step: number) => boolean;
  /** How many groups are sampled at once in a step, and how often at most; undefined where that needs a split that is left out. */
  readonly groups: { readonly atOnce: number; readonly waves: number } | undefined;
  /** How many responses a group has. */
  readonly samples: Readonly<Record<Mode, number>>;
  /** Undefined where nothing is known of it. */
  readonly slot: (step: number, group: number) => Slot | undefined;
  /** Names of the rewards that every response has. */
  readonly rewards: (mode: Mode) => ReadonlySet<string>;
  /** Present where a policy learned from them. */
  readonly training?: Training;
}

/** How rewards became advantages (`trainers/advantages.py`). */
export interface Training {
  readonly alpha: number;
  /** The reward that is p in R = α·p + (1−α)·a. */
  readonly perception: string;
  readonly normalize: "group-std" | "none";
  readonly std: "unbiased" | "population";
  readonly per_reward: boolean;
  /** Whether groups without anything to compare are left out. */
  readonly drops: boolean;
  /** The most groups that a step learns from. */
  readonly wanted: number;
}

type Surrogate = "teacher" | "consensus" | "blind-solve";

interface RolloutParams {
  readonly group: number;
  readonly counterfactual: number;
  readonly surrogates: ReadonlyArray<Surrogate>;
}

export interface GrpoParams extends Omit<Training, "perception" | "drops" | "wanted"> {
  readonly prompts: "split" | "stream";
  readonly perception:
    | "oracle"
    | "oracle-f1"
    | { readonly surrogate: Surrogate; readonly as?: "exact" | "f1" };
  readonly group: number;
  readonly prompts_per_step: number;
  readonly steps: number;
  readonly dynamic_sampling: { readonly kind: string; readonly waves?: number };
  readonly record_every: number;
}

/** Of a node of `rollout` or `grpo`; undefined for other stages. */
export const askedOf = (
  stage: string,
  params: unknown,
  examples: Split | undefined,
): Asked | undefined => {
  const ids = examples === undefined ? undefined : [...examples.keys()];
  if (stage === "rollout") return askedOfRollout(params as RolloutParams, ids);
  if (stage === "grpo") return askedOfGrpo(params as GrpoParams, ids);
  return undefined;
};

const verdicts = ["outcome", "perception", "perception_f1"];

const surrogateRewards: Readonly<Record<Surrogate, ReadonlyArray<string>>> = {
  teacher: ["teacher", "teacher_f1"],
  consensus: ["consensus", "consensus_f1"],
  "blind-solve": ["blind_solve"],
};

/** Every name that some trainer writes. */
export const rewardNames: ReadonlySet<string> = new Set([
  ...verdicts,
  ...Object.values(surrogateRewards).flat(),
  "total",
]);

/** First every example end to end, then every one once more from its caption. */
const askedOfRollout = (
  { group, counterfactual, surrogates }: RolloutParams,
  ids: ReadonlyArray<string> | undefined,
): Asked => {
  const rewards = {
    "end-to-end": new Set([...verdicts, ...surrogates.flatMap((name) => surrogateRewards[name])]),
    counterfactual: new Set(verdicts),
  };
  const groups = ids && { atOnce: ids.length * (counterfactual > 0 ? 2 : 1), waves: 1 };
  return {
    steps: 1,
    stepAt: () => 0,
    isKept: (step) => step === 0,
    groups,
    samples: { "end-to-end": group, counterfactual },
    slot: (_, place) =>
      ids && {
        mode: place < ids.length ? "end-to-end" : "counterfactual",
        id: ids[place % ids.length]!,
      },
    rewards: (mode) => rewards[mode],
  };
};

const askedOfGrpo = (params: GrpoParams, ids: ReadonlyArray<string> | undefined): Asked => {
  const { steps, record_every: every, prompts_per_step: atOnce, perception } = params;
  const waves = params.dynamic_sampling.waves ?? 1;
  const surrogate = typeof perception === "string" ? [] : surrogateRewards[perception.surrogate];
  const rewards = new Set([...verdicts, ...surrogate, "total"]);
  return {
    steps: Math.ceil(steps / every),
    stepAt: (place) => Math.min((place + 1) * every, steps),
    isKept: (step) => step >= 1 && step <= steps && (step % every === 0 || step === steps),
    groups: { atOnce, waves },
    samples: { "end-to-end": params.group, counterfactual: 0 },
    slot: (step, group) => {
      if (ids === undefined) return { mode: "end-to-end" };
      // A step takes the prompts of all its waves, whether it needs them or not.
      const place = (step - 1) * waves * atOnce + group;
      return params.prompts === "stream"
        ? { mode: "end-to-end", id: ids[place]! }
        : { mode: "end-to-end", round: Math.floor(place / ids.length) };
    },
    rewards: () => rewards,
    training: {
      ...params,
      perception: rewardName(perception),
      drops: params.dynamic_sampling.kind !== "none",
      wanted: atOnce,
    },
  };
};

/** `reward_name` of `trainers/rewards.py`. */
const rewardName = (perception: GrpoParams["perception"]): string => {
  if (perception === "oracle") return "perception";
  if (perception === "oracle-f1") return "perception_f1";
  const name = perception.surrogate.replace("-", "_");
  return perception.as === "f1" ? `${name}_f1` : name;
};
