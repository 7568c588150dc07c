/**
 * Rollouts added up group by group as they come, in memory that grows with the groups and not with the rollouts: all that
 * correlations ask of them.
 */
import type { Rollout } from "../schemas/Rollout.ts";
import { SampleNumbers } from "./SampleNumbers.ts";

export type ScoredRollout = Pick<
  Rollout,
  "id" | "group" | "step" | "sample" | "mode" | "outcome" | "perception" | "consistent" | "rewards"
>;

/** Over rollouts that have the reward x; perception and reasoning (`consistent`) are 0 or 1, so their squares are they. */
export interface RewardSums {
  n: number;
  x: number;
  xx: number;
  perception: number;
  reasoning: number;
  xPerception: number;
  xReasoning: number;
}

/** A reward in a group. */
export class RewardValues {
  readonly first: number;
  least = Infinity;
  most = -Infinity;
  readonly #plain = nothing();
  /** Of what values differ from the first by, which loses no digits where they lie close together. */
  readonly #fromFirst = nothing();

  constructor(first: number) {
    this.first = first;
  }

  add(x: number, perception: number, reasoning: number): void {
    this.least = Math.min(this.least, x);
    this.most = Math.max(this.most, x);
    addTo(this.#plain, x, perception, reasoning);
    addTo(this.#fromFirst, x - this.first, perception, reasoning);
  }

  /** The sums of x less the origin, which is 0 or lies close to the values beside their size. */
  sumsFrom(origin: number): RewardSums {
    if (origin === 0) return this.#plain;
    const { n, x, xx, perception, reasoning, xPerception, xReasoning } = this.#fromFirst;
    const offset = this.first - origin;
    return {
      n,
      x: x + n * offset,
      xx: xx + 2 * offset * x + n * offset * offset,
      perception,
      reasoning,
      xPerception: xPerception + offset * perception,
      xReasoning: xReasoning + offset * reasoning,
    };
  }
}

/** The end-to-end responses to one prompt in one step. */
export interface GroupSums {
  readonly id: string;
  n: number;
  perception: number;
  reasoning: number;
  /** By reward, those that a rollout of the group has. */
  readonly rewards: Map<string, RewardValues>;
}

/** The counterfactual responses to one prompt. */
export interface ForcedSums {
  n: number;
  right: number;
}

/** The outcome stands in every rollout; the others are what it is held against, or mixtures of them. */
const noRewards = new Set(["total", "outcome", "perception", "consistent"]);

export class RolloutSums {
  readonly groups = new Map<string, GroupSums>();
  readonly forced = new Map<string, ForcedSums>();
  /** Rewards with another value than 0 and 1. */
  readonly graded = new Set<string>();
  readonly counts = { end_to_end: 0, counterfactual: 0 };
  readonly steps = { first: Number.MAX_SAFE_INTEGER, last: 0 };
  readonly #samples = new Map<string, SampleNumbers>();

  /** Throws, with a sentence, on a group of two prompts and on a rollout that has come before: it would count as another one. */
  add(rollout: ScoredRollout): void {
    this.#notBefore(rollout);
    this.steps.first = Math.min(this.steps.first, rollout.step);
    this.steps.last = Math.max(this.steps.last, rollout.step);
    if (rollout.mode === "counterfactual") return this.#addForced(rollout);
    const group = this.#groupOf(rollout);
    const perception = Number(rollout.perception);
    const reasoning = Number(rollout.consistent);
    this.counts.end_to_end += 1;
    group.n += 1;
    group.perception += perception;
    group.reasoning += reasoning;
    const add = (name: string, x: number) => {
      if (x !== 0 && x !== 1) this.graded.add(name);
      const values = group.rewards.get(name) ?? new RewardValues(x);
      group.rewards.set(name, values);
      values.add(x, perception, reasoning);
    };
    add("outcome", Number(rollout.outcome));
    for (const name in rollout.rewards) if (!noRewards.has(name)) add(name, rollout.rewards[name]!);
  }

  /** The rewards that any rollout has: the outcome, then the others by name. */
  get rewards(): ReadonlyArray<string> {
    const names = new Set([...this.groups.values()].flatMap((group) => [...group.rewards.keys()]));
    names.delete("outcome");
    return ["outcome", ...[...names].sort()];
  }

  #addForced({ id, outcome }: ScoredRollout): void {
    const sums = this.forced.get(id) ?? { n: 0, right: 0 };
    this.forced.set(id, sums);
    this.counts.counterfactual += 1;
    sums.n += 1;
    sums.right += Number(outcome);
  }

  #notBefore({ id, step, group, sample, mode }: ScoredRollout): void {
    const key = `${mode}/${step}/${group}/${id}`;
    const samples = this.#samples.get(key) ?? new SampleNumbers();
    this.#samples.set(key, samples);
    if (!samples.add(sample))
      throw new Error(
        `the ${mode} sample ${sample} of ${id} in group ${group} of step ${step} is there twice`,
      );
  }

  #groupOf({ id, step, group }: ScoredRollout): GroupSums {
    const key = `${step}/${group}`;
    const known = this.groups.get(key);
    if (known === undefined) {
      const fresh = { id, n: 0, perception: 0, reasoning: 0, rewards: new Map() };
      this.groups.set(key, fresh);
      return fresh;
    }
    if (known.id !== id)
      throw new Error(`group ${group} of step ${step} has two prompts, ${known.id} and ${id}`);
    return known;
  }
}

const nothing = (): RewardSums => ({
  n: 0,
  x: 0,
  xx: 0,
  perception: 0,
  reasoning: 0,
  xPerception: 0,
  xReasoning: 0,
});

const addTo = (sums: RewardSums, x: number, perception: number, reasoning: number): void => {
  sums.n += 1;
  sums.x += x;
  sums.xx += x * x;
  sums.perception += perception;
  sums.reasoning += reasoning;
  sums.xPerception += x * perception;
  sums.xReasoning += x * reasoning;
};
