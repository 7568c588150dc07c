/** The correlations that a table or a figure shows, one by one. */
import type {
  Association,
  Correlations,
  Estimate,
  Reading,
  Target,
} from "../../schemas/Correlation.ts";
import { armName } from "./Arms.ts";
import type { Labels } from "./Evidence.ts";

export interface Shown {
  readonly reward: string;
  readonly target: Target;
  readonly reading: Reading;
  /** Those of the point without the seed, as one reads them; empty where there is one. */
  readonly point: string;
  readonly seed: string;
  readonly estimate: Estimate;
  readonly association: Association;
}

export interface Choice {
  readonly rewards?: ReadonlyArray<string> | undefined;
  readonly targets: ReadonlyArray<Target>;
  readonly readings: ReadonlyArray<Reading>;
}

/** By reward, then point, target and seed; throws where a reward is in none of the points. */
export const associationsOf = (
  { points }: Correlations,
  { rewards, targets, readings }: Choice,
  seed: string,
): ReadonlyArray<Shown> => {
  const all = [...new Set(points.flatMap((each) => each.associations.map(({ reward }) => reward)))];
  const missing = rewards?.find((reward) => !all.includes(reward));
  if (missing !== undefined)
    throw new Error(`no correlations are of the reward \`${missing}\`; there is ${all.join(", ")}`);
  return (rewards ?? all).flatMap((reward) =>
    points.flatMap(({ labels, associations }) =>
      readings.flatMap((reading) =>
        targets.flatMap((target) => {
          const association = associations.find(
            (each) => each.reward === reward && each.target === target,
          );
          if (association === undefined) return [];
          const estimate = association[reading];
          const place = { point: pointName(labels, seed), seed: labels[seed] ?? "" };
          return [{ reward, target, reading, ...place, estimate, association }];
        }),
      ),
    ),
  );
};

export const pointName = (labels: Labels, seed: string): string =>
  Object.entries(labels)
    .filter(([axis]) => axis !== seed)
    .map(([axis, label]) => armName(axis, label))
    .join(", ");

export const rewardNames = (reward: string): string => reward.replaceAll("_", " ");

export const targetNames: Readonly<Record<Target, string>> = {
  perception: "perception (a_p)",
  reasoning: "reasoning, own caption",
  counterfactual: "reasoning, perception given",
};

export const readingNames: Readonly<Record<Reading, string>> = {
  pooled: "pooled over rollouts",
  group_centred: "group-centred (what GRPO sees)",
  prompt_means: "means of prompts",
};
