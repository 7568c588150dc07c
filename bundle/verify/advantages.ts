/** What the responses of one step were weighed by, from their rewards: `trainers/advantages.py` once more. */
import type { Training } from "./askedRollouts.ts";

/** The responses of one group: their rewards in the order of the samples, and the advantages that are written beside them. */
export interface WeighedGroup {
  readonly perception: ReadonlyArray<number>;
  readonly outcome: ReadonlyArray<number>;
  readonly advantages: ReadonlyArray<number | null>;
}

const epsilon = 1e-6;

/** Of groups that a step learned from, group by group. */
export const advantagesOf = (
  groups: ReadonlyArray<WeighedGroup>,
  how: Training,
): ReadonlyArray<ReadonlyArray<number>> => {
  if (!how.per_reward) return groups.map((group) => normalized(totals(group, how), how));
  const combined = groups.map((group) => {
    const parts = partsOf(group, how).map(([weight, reward]) =>
      normalized(reward, how).map((value) => weight * value),
    );
    return group.outcome.map((_, sample) => parts.reduce((sum, part) => sum + part[sample]!, 0));
  });
  const spread = deviation(combined.flat(), how) + epsilon;
  return combined.map((group) => group.map((value) => value / spread));
};

/** R = α·p + (1−α)·a. */
export const totals = (
  { perception, outcome }: Pick<WeighedGroup, "perception" | "outcome">,
  { alpha }: Training,
): ReadonlyArray<number> =>
  perception.map((p, sample) => alpha * p + (1 - alpha) * outcome[sample]!);

/** Whether the responses differ in what is compared: in R or, where rewards are normalised apart, in any of them. */
export const differs = (group: WeighedGroup, how: Training): boolean =>
  how.per_reward ? differsInPart(group, how) : varied(totals(group, how));

/** Whether they differ in any reward that counts; equal R may hide it, and earlier code looked at this. */
export const differsInPart = (group: WeighedGroup, how: Training): boolean =>
  partsOf(group, how).some(([, reward]) => varied(reward));

const partsOf = ({ perception, outcome }: WeighedGroup, { alpha }: Training) =>
  [[alpha, perception] as const, [1 - alpha, outcome] as const].filter(([weight]) => weight !== 0);

const varied = (values: ReadonlyArray<number>): boolean =>
  values.some((value) => value !== values[0]);

const normalized = (reward: ReadonlyArray<number>, how: Training): ReadonlyArray<number> => {
  if (!varied(reward)) return reward.map(() => 0);
  const middle = mean(reward);
  const spread = how.normalize === "none" ? 1 : deviation(reward, how) + epsilon;
  return reward.map((value) => (value - middle) / spread);
};

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const deviation = (values: ReadonlyArray<number>, { std }: Training): number => {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - (std === "unbiased" ? 1 : 0)));
};
