/** The correlations of a table or a figure. */
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { Association, Estimate, Reading, Target } from "../../schemas/Correlation.ts";
import { armName } from "./Arms.ts";
import type { Labels } from "./Evidence.ts";

export interface Shown {
  readonly reward: string;
  readonly target: Target;
  readonly reading: Reading;
  /** The labels of the point without the seed; empty where there is only one point. */
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

/** Sorted by reward, point, target and seed. Throws if no point has a reward. */
export const associationsOf = (
  { points }: Correlations,
  { rewards, targets, readings }: Choice,
  seed: string,
): ReadonlyArray<Shown> => {
  const all = [...new Set(points.flatMap((each) => each.associations.map(({ reward }) => reward)))];
  const missing = rewards?.find((reward) => !all.includes(reward));
  if (missing !== undefined)
    throw new Error(`the correlations have no reward \`${missing}\`, but ${all.join(", ")}`);
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
