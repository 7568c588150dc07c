/**
 * The columns that the cluster bootstrap adds up: for each correlation, the sums of its pairs, one value for each prompt.
 * The sums over any prompts give the correlation in the rollouts of those prompts.
 *
 * Values and means are measured from where they differ best (`originOf`), which changes no correlation.
 */
import { groupBy } from "./groupBy.ts";
import { aboutMean, originOf, type PairSums } from "./moments.ts";
import {
  addSums,
  type GroupSums,
  noSums,
  type RewardSums,
  type RewardValues,
  type RolloutSums,
} from "./RolloutSums.ts";

type Column = Float64Array;

/** The sums of pairs (reward, target), one column for each sum. */
export type PairColumns = { readonly [Sum in keyof PairSums]: Column };

/** The sums of squares and products about the means of the groups. */
export type CentredColumns = Pick<PairColumns, "xx" | "yy" | "xy">;

/** The columns of one reward. */
export interface RewardColumns {
  /** The rollouts that have the reward, and the sum of its recorded values. */
  readonly rollouts: Column;
  readonly sum: Column;
  /** Pairs of a rollout's reward and target. */
  readonly pooled: { readonly perception: PairColumns; readonly reasoning: PairColumns };
  readonly centred: { readonly perception: CentredColumns; readonly reasoning: CentredColumns };
  /** Pairs of a prompt's means; `counterfactual` over the prompts that have counterfactual rollouts. */
  readonly means: {
    readonly perception: PairColumns;
    readonly reasoning: PairColumns;
    readonly counterfactual: PairColumns;
  };
}

/** The columns of all rewards and of the targets themselves, prompts in the order of their ids. */
export interface PromptColumns {
  readonly prompts: number;
  readonly endToEnd: {
    readonly rollouts: Column;
    readonly perception: Column;
    readonly reasoning: Column;
  };
  readonly counterfactual: { readonly rollouts: Column; readonly right: Column };
  readonly rewards: ReadonlyMap<string, RewardColumns>;
}

/** A loop, as `Float64Array.from` takes several times as long. */
const columnOf = <A>(items: ReadonlyArray<A>, value: (item: A, row: number) => number): Column => {
  const column = new Float64Array(items.length);
  for (let row = 0; row < column.length; row += 1) column[row] = value(items[row]!, row);
  return column;
};

interface Prompt {
  readonly groups: ReadonlyArray<GroupSums>;
  readonly counterfactual: { readonly n: number; readonly right: number };
}

export const promptColumns = (rollouts: RolloutSums): PromptColumns => {
  const prompts = promptsOf(rollouts);
  const column = (value: (prompt: Prompt) => number) => columnOf(prompts, value);
  const ofGroups = (value: (group: GroupSums) => number) =>
    column(({ groups }) => groups.reduce((sum, group) => sum + value(group), 0));
  return {
    prompts: prompts.length,
    endToEnd: {
      rollouts: ofGroups(({ n }) => n),
      perception: ofGroups(({ perception }) => perception),
      reasoning: ofGroups(({ reasoning }) => reasoning),
    },
    counterfactual: {
      rollouts: column(({ counterfactual }) => counterfactual.n),
      right: column(({ counterfactual }) => counterfactual.right),
    },
    rewards: new Map(
      rollouts.rewards.map((name) => [
        name,
        rewardColumns(prompts, name, rollouts.graded.has(name)),
      ]),
    ),
  };
};

/** Sorted by id, so that the order of the rollouts does not matter. */
const promptsOf = (rollouts: RolloutSums): ReadonlyArray<Prompt> => {
  const groups = groupBy(rollouts.groups.values(), ({ id }) => id);
  const ids = new Set([...groups.keys(), ...rollouts.forced.keys()]);
  return [...ids].sort().map((id) => ({
    groups: groups.get(id) ?? [],
    counterfactual: rollouts.forced.get(id) ?? { n: 0, right: 0 },
  }));
};

const rewardColumns = (
  prompts: ReadonlyArray<Prompt>,
  name: string,
  graded: boolean,
): RewardColumns => {
  const values = prompts.map(({ groups }) =>
    groups.flatMap((group) => group.rewards.get(name) ?? []),
  );
  const { least, most } = extentOf(values.flat());
  // 0/1 values are counted as they are.
  const origin = graded ? originOf(least, most) : 0;
  const sums = values.map((own) => addUp(own.map((each) => each.sumsFrom(origin))));
  const centred = values.map((own) => addUp(own.map(centredSums)));
  const column = (of: ReadonlyArray<RewardSums>, name: keyof RewardSums) =>
    columnOf(of, (each) => each[name]);
  const n = column(sums, "n");
  const x = column(sums, "x");
  const xx = column(sums, "xx");
  const pooled = (target: OwnTarget): PairColumns => {
    const y = column(sums, target);
    // The target is 0 or 1, so its squares are itself.
    return { n, x, y, xx, yy: y, xy: column(sums, products[target]) };
  };
  const centredXx = column(centred, "xx");
  const about = (target: OwnTarget): CentredColumns => ({
    xx: centredXx,
    yy: column(centred, target),
    xy: column(centred, products[target]),
  });
  return {
    rollouts: n,
    sum: columnOf(values, (own) => own.reduce((sum, each) => sum + each.sumsFrom(0).x, 0)),
    pooled: { perception: pooled("perception"), reasoning: pooled("reasoning") },
    centred: { perception: about("perception"), reasoning: about("reasoning") },
    means: meanColumns(prompts, sums, Math.max(least - origin, most - origin, origin - least)),
  };
};

type OwnTarget = "perception" | "reasoning";
const products = { perception: "xPerception", reasoning: "xReasoning" } as const;

const addUp = (all: ReadonlyArray<RewardSums>): RewardSums => {
  const total = noSums();
  for (const each of all) addSums(total, each);
  return total;
};

/** A group's sums of squares and products about its means; `perception` and `reasoning` are squares. */
const centredSums = (values: RewardValues): RewardSums => {
  const { n, x, xx, perception, reasoning, xPerception, xReasoning } = values.sumsFrom(
    originOf(values.least, values.most),
  );
  const squares = aboutMean(n, x, xx);
  // A constant reward has no products; only rounding would leave some.
  const varies = squares !== 0;
  return {
    n,
    x: 0,
    xx: squares,
    perception: aboutMean(n, perception, perception),
    reasoning: aboutMean(n, reasoning, reasoning),
    xPerception: varies ? xPerception - (x * perception) / n : 0,
    xReasoning: varies ? xReasoning - (x * reasoning) / n : 0,
  };
};

/** A mean for each prompt; null for a prompt without one. */
type Means = ReadonlyArray<number | null>;

/** The columns of means, from the prompts' pooled sums; `largest` bounds the size of every value. */
const meanColumns = (
  prompts: ReadonlyArray<Prompt>,
  sums: ReadonlyArray<RewardSums>,
  largest: number,
): RewardColumns["means"] => {
  const mostRollouts = sums.reduce((most, { n }) => Math.max(most, n), 0);
  const rounding = 2 * (mostRollouts + 2) * 2 ** -53;
  const mean = (name: "x" | OwnTarget): Means =>
    sums.map((own) => (own.n === 0 ? null : own[name] / own.n));
  const x = mean("x");
  const right = prompts.map(({ counterfactual: { n, right } }, prompt) =>
    n === 0 || x[prompt] === null ? null : right / n,
  );
  const xWhereForced = x.map((value, prompt) => (right[prompt] === null ? null : value));
  const xAway = awayFromOrigin(x, rounding * largest);
  return {
    perception: pairColumns(xAway, awayFromOrigin(mean("perception"), rounding)),
    reasoning: pairColumns(xAway, awayFromOrigin(mean("reasoning"), rounding)),
    counterfactual: pairColumns(
      awayFromOrigin(xWhereForced, rounding * largest),
      awayFromOrigin(right, 0),
    ),
  };
};

/**
 * Means measured from their origin; all 0 if they differ by rounding only. Rounding is at most u = 2^-53 for each value of a
 * mean, times the largest value, on either side of a comparison.
 */
const awayFromOrigin = (means: Means, rounding: number): Means => {
  const present = means.filter((mean) => mean !== null);
  const { least, most } = extentOf(present.map((mean) => ({ least: mean, most: mean })));
  const origin = originOf(least, most);
  const constant = most - least <= rounding;
  return means.map((mean) => (mean === null ? null : constant ? 0 : mean - origin));
};

/** The sums of each prompt's single pair; 0 for a prompt without one. */
const pairColumns = (x: Means, y: Means): PairColumns => {
  const column = (value: (x: number, y: number) => number) =>
    columnOf(x, (one, prompt) => {
      const other = y[prompt] ?? null;
      return one === null || other === null ? 0 : value(one, other);
    });
  return {
    n: column(() => 1),
    x: column((one) => one),
    y: column((_, other) => other),
    xx: column((one) => one * one),
    yy: column((_, other) => other * other),
    xy: column((one, other) => one * other),
  };
};

const extentOf = (values: ReadonlyArray<{ readonly least: number; readonly most: number }>) => ({
  least: values.reduce((least, each) => Math.min(least, each.least), Infinity),
  most: values.reduce((most, each) => Math.max(most, each.most), -Infinity),
});
