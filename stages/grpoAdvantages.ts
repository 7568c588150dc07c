/** Checks GRPO's arithmetic from the rewards of a step: totals, dynamic sampling and advantages (`trainers/advantages.py`). */
import { type RewardedGroup, type RolloutFinding, rolloutName, sixDigits } from "./Audit.ts";

export interface Learning {
  readonly alpha: number;
  /** The reward that is p in R = α·p + (1−α)·a; a is the outcome. */
  readonly perception: string;
  readonly normalize: "group-std" | "none";
  readonly std: "unbiased" | "population";
  /** Normalises p and a separately. */
  readonly perReward: boolean;
  /** The advantage of p is the caption's, that of a the other tokens'; implies `perReward`. */
  readonly bySpan: boolean;
  /** Leaves out groups whose rewards are all equal. */
  readonly dropsEqual: boolean;
  /** The most groups that a step learns from. */
  readonly wanted: number;
  /** How often a step samples at most. */
  readonly waves: number;
}

/** p and a of a group's responses, in order. */
interface Parts {
  readonly perception: ReadonlyArray<number>;
  readonly outcome: ReadonlyArray<number>;
}

const partsOf = ({ rewards }: RewardedGroup, { perception }: Learning): Parts => ({
  perception: rewards.map((own) => own[perception] ?? 0),
  outcome: rewards.map((own) => own["outcome"] ?? 0),
});

/** R = α·p + (1−α)·a. */
const totalsOf = ({ perception, outcome }: Parts, { alpha }: Learning): ReadonlyArray<number> =>
  perception.map((p, sample) => alpha * p + (1 - alpha) * outcome[sample]!);

export const checkTotals = (
  group: RewardedGroup,
  learning: Learning,
): ReadonlyArray<RolloutFinding> =>
  totalsOf(partsOf(group, learning), learning).flatMap((expected, sample) => {
    const rollout = group.rollouts[sample]!;
    const found = rollout.rewards["total"];
    // p and the total are each rounded.
    if (found === undefined || Math.abs(expected - found) <= 2 * sixDigits) return [];
    const { alpha, perception } = learning;
    const message = `differs from α·${perception} + (1−α)·outcome with α = ${alpha}`;
    return [{ where: `${rolloutName(rollout)}.rewards.total`, expected, found, message }];
  });

type Column = "advantage" | "caption_advantage";

/** For a complete step; its groups in order. */
export const checkAdvantages = (
  step: number,
  groups: ReadonlyArray<RewardedGroup>,
  learning: Learning,
): ReadonlyArray<RolloutFinding> => {
  const parts = groups.map((group) => partsOf(group, learning));
  const weighedBy = (column: Column) =>
    groups.map(({ rollouts }, index): WeighedGroup => ({
      ...parts[index]!,
      advantages: rollouts.map((rollout) => rollout[column] ?? null),
    }));
  const isRounded =
    learning.perception.endsWith("_f1") &&
    groups.some(({ unchecked }) => unchecked.has(learning.perception));
  const about = `step ${step}`;
  const columns: ReadonlyArray<Column> = learning.bySpan
    ? ["advantage", "caption_advantage"]
    : ["advantage"];
  return [
    ...checkWaves(about, parts, learning),
    ...columns.flatMap((column) => {
      const weighed = weighedBy(column);
      return [
        ...checkChoice(about, weighed, learning),
        ...checkValues(about, weighed, learning, column, isRounded),
      ];
    }),
  ];
};

interface WeighedGroup extends Parts {
  readonly advantages: ReadonlyArray<number | null>;
}

/** A step samples again until enough groups differ, and no further. */
const checkWaves = (
  where: string,
  groups: ReadonlyArray<Parts>,
  learning: Learning,
): ReadonlyArray<RolloutFinding> => {
  const { wanted, waves } = learning;
  const sampled = groups.length / wanted;
  const expected = `${wanted} groups with different rewards`;
  const differing = groups.filter((group) => differsInPart(group, learning)).length;
  const before = groups
    .slice(0, (sampled - 1) * wanted)
    .filter((group) => differs(group, learning)).length;
  return [
    ...(sampled < waves && differing < wanted
      ? [{ where, expected, found: `${sampled} of ${waves} waves`, message: "sampled too little" }]
      : []),
    ...(before >= wanted
      ? [{ where, expected, found: `wave ${sampled}`, message: "sampled too much" }]
      : []),
  ];
};

/** The groups that have advantages are the first that count. */
const checkChoice = (
  step: string,
  groups: ReadonlyArray<WeighedGroup>,
  learning: Learning,
): ReadonlyArray<RolloutFinding> => {
  let kept = 0;
  return groups.flatMap((group, place): ReadonlyArray<RolloutFinding> => {
    const where = `${step}, group ${place}`;
    const { advantages } = group;
    const nulls = advantages.filter((advantage) => advantage === null).length;
    const isFull = learning.dropsEqual && kept >= learning.wanted;
    if (nulls === 0) {
      kept += 1;
      const message = "has advantages although the step has enough groups";
      return isFull ? [{ where, expected: null, found: advantages[0], message }] : [];
    }
    if (nulls < advantages.length) {
      const expected = "an advantage for all responses or for none";
      return [{ where, expected, found: `${nulls} without`, message: "has some advantages" }];
    }
    const isDue = !isFull && (!learning.dropsEqual || differs(group, learning));
    const message = "has no advantages";
    return isDue ? [{ where, expected: "advantages", found: null, message }] : [];
  });
};

const checkValues = (
  step: string,
  groups: ReadonlyArray<WeighedGroup>,
  learning: Learning,
  column: Column,
  isRounded: boolean,
): ReadonlyArray<RolloutFinding> => {
  const kept = [...groups.entries()].filter(([, { advantages }]) => !advantages.includes(null));
  const expected = advantagesOf(
    kept.map(([, group]) => group),
    learning,
    column,
  );
  return kept.flatMap(([place, { advantages }], index) =>
    expected[index]!.flatMap((advantage, sample) => {
      const found = advantages[sample]!;
      // Rounded rewards that hardly differ give advantages that differ more.
      const slack = isRounded ? 1e-2 * (1 + Math.abs(advantage)) : 1e-9 * Math.abs(advantage);
      if (Math.abs(found - advantage) <= sixDigits + slack) return [];
      const where = `${step}, group ${place}, sample ${sample}: ${column}`;
      const message = "differs from the advantage that the rewards give";
      return [{ where, expected: advantage, found, message }];
    }),
  );
};

const epsilon = 1e-6;

/** The advantages of the groups that a step learned from, group by group. */
const advantagesOf = (
  groups: ReadonlyArray<Parts>,
  learning: Learning,
  column: Column,
): ReadonlyArray<ReadonlyArray<number>> => {
  if (learning.bySpan) {
    const { alpha } = learning;
    const [weight, reward] =
      column === "advantage" ? ([1 - alpha, "outcome"] as const) : ([alpha, "perception"] as const);
    return groups.map((group) => normalized(group[reward], learning).map((a) => weight * a));
  }
  if (!learning.perReward)
    return groups.map((group) => normalized(totalsOf(group, learning), learning));
  const combined = groups.map((group) => {
    const parts = weightedParts(group, learning).map(([weight, reward]) =>
      normalized(reward, learning).map((value) => weight * value),
    );
    return group.outcome.map((_, sample) => parts.reduce((sum, part) => sum + part[sample]!, 0));
  });
  const spread = deviation(combined.flat(), learning) + epsilon;
  return combined.map((group) => group.map((value) => value / spread));
};

/** The responses differ in R or, where rewards are normalised separately, in any reward. */
const differs = (group: Parts, learning: Learning): boolean =>
  learning.perReward ? differsInPart(group, learning) : varies(totalsOf(group, learning));

/** Equal R may hide that rewards differ; the trainer decides by the rewards whether to sample again. */
const differsInPart = (group: Parts, learning: Learning): boolean =>
  weightedParts(group, learning).some(([, reward]) => varies(reward));

const weightedParts = ({ perception, outcome }: Parts, { alpha }: Learning) =>
  [[alpha, perception] as const, [1 - alpha, outcome] as const].filter(([weight]) => weight !== 0);

const varies = (values: ReadonlyArray<number>): boolean =>
  values.some((value) => value !== values[0]);

const normalized = (reward: ReadonlyArray<number>, learning: Learning): ReadonlyArray<number> => {
  if (!varies(reward)) return reward.map(() => 0);
  const middle = mean(reward);
  const spread = learning.normalize === "none" ? 1 : deviation(reward, learning) + epsilon;
  return reward.map((value) => (value - middle) / spread);
};

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const deviation = (values: ReadonlyArray<number>, { std }: Learning): number => {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - (std === "unbiased" ? 1 : 0)));
};
