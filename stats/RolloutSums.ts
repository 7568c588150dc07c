/**
 * The sums of rollouts that correlations need, added group by group: memory grows with the groups, not with the rollouts.
 */
import type { Mode } from "../schemas/Mode.ts";
import { SampleNumbers } from "./SampleNumbers.ts";

/** The fields of a rollout that correlations use. */
export interface ScoredRollout {
  readonly id: string;
  readonly group: number;
  readonly step: number;
  readonly sample: number;
  readonly mode: Mode;
  readonly outcome: boolean;
  readonly perception: boolean;
  readonly consistent: boolean;
  readonly rewards: Readonly<Record<string, number>>;
}

/**
 * Sums over rollouts that have the reward x. Perception and reasoning (`consistent`) are 0 or 1, so their squares are
 * themselves.
 */
export interface RewardSums {
  n: number;
  x: number;
  xx: number;
  perception: number;
  reasoning: number;
  xPerception: number;
  xReasoning: number;
}

export const noSums = (): RewardSums => ({
  n: 0,
  x: 0,
  xx: 0,
  perception: 0,
  reasoning: 0,
  xPerception: 0,
  xReasoning: 0,
});

/** Adds `more` to `sums`. */
export const addSums = (sums: RewardSums, more: RewardSums): void => {
  sums.n += more.n;
  sums.x += more.x;
  sums.xx += more.xx;
  sums.perception += more.perception;
  sums.reasoning += more.reasoning;
  sums.xPerception += more.xPerception;
  sums.xReasoning += more.xReasoning;
};

/** The values of one reward in one group. */
export class RewardValues {
  readonly first: number;
  least = Infinity;
  most = -Infinity;
  private readonly fromZero = noSums();
  /** Sums of differences from the first value, which keep their digits where values are close together. */
  private readonly fromFirst = noSums();

  constructor(first: number) {
    this.first = first;
  }

  add(x: number, perception: number, reasoning: number): void {
    this.least = Math.min(this.least, x);
    this.most = Math.max(this.most, x);
    addRollout(this.fromZero, x, perception, reasoning);
    addRollout(this.fromFirst, x - this.first, perception, reasoning);
  }

  /** The sums of x − origin; the origin is 0 or close to the values for their size. */
  sumsFrom(origin: number): RewardSums {
    if (origin === 0) return this.fromZero;
    const { n, x, xx, perception, reasoning, xPerception, xReasoning } = this.fromFirst;
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
  /** The rewards of the group's rollouts, by name. */
  readonly rewards: Map<string, RewardValues>;
}

/** The counterfactual responses to one prompt. */
export interface ForcedSums {
  n: number;
  right: number;
}

/** Recorded rewards to ignore: the rollout's own `outcome` replaces one, the others are targets or mixtures of them. */
const excludedRewards = new Set(["total", "outcome", "perception", "consistent"]);

export class RolloutSums {
  readonly groups = new Map<string, GroupSums>();
  readonly forced = new Map<string, ForcedSums>();
  /** Rewards with a value other than 0 and 1. */
  readonly graded = new Set<string>();
  readonly counts = { end_to_end: 0, counterfactual: 0 };
  readonly steps = { first: Number.MAX_SAFE_INTEGER, last: 0 };
  private readonly samples = new Map<string, SampleNumbers>();

  /** Throws, with a sentence, on a repeated rollout and on a group of two prompts. */
  add(rollout: ScoredRollout): void {
    this.refuseRepeated(rollout);
    this.steps.first = Math.min(this.steps.first, rollout.step);
    this.steps.last = Math.max(this.steps.last, rollout.step);
    if (rollout.mode === "counterfactual") return this.addForced(rollout);
    const group = this.groupOf(rollout);
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
    for (const name in rollout.rewards)
      if (!excludedRewards.has(name)) add(name, rollout.rewards[name]!);
  }

  /** The rewards that any rollout has: the outcome, then the others by name. */
  get rewards(): ReadonlyArray<string> {
    const names = new Set([...this.groups.values()].flatMap((group) => [...group.rewards.keys()]));
    names.delete("outcome");
    return ["outcome", ...[...names].sort()];
  }

  private addForced({ id, outcome }: ScoredRollout): void {
    const sums = this.forced.get(id) ?? { n: 0, right: 0 };
    this.forced.set(id, sums);
    this.counts.counterfactual += 1;
    sums.n += 1;
    sums.right += Number(outcome);
  }

  private refuseRepeated({ id, step, group, sample, mode }: ScoredRollout): void {
    const key = `${mode}/${step}/${group}/${id}`;
    const samples = this.samples.get(key) ?? new SampleNumbers();
    this.samples.set(key, samples);
    if (!samples.add(sample))
      throw new Error(
        `the ${mode} sample ${sample} of ${id} in group ${group} of step ${step} occurs twice`,
      );
  }

  private groupOf({ id, step, group }: ScoredRollout): GroupSums {
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

const addRollout = (sums: RewardSums, x: number, perception: number, reasoning: number): void => {
  sums.n += 1;
  sums.x += x;
  sums.xx += x * x;
  sums.perception += perception;
  sums.reasoning += reasoning;
  sums.xPerception += x * perception;
  sums.xReasoning += x * reasoning;
};
