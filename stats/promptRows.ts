/**
 * A row of sums for each prompt, such that the total of any rows gives every correlation of the rollouts of those prompts:
 * what the cluster bootstrap draws from.
 */
import type { Clusters } from "./ClusterBootstrap.ts";
import { aboutMean, originOf } from "./moments.ts";
import type { GroupSums, RewardValues, RolloutSums } from "./RolloutSums.ts";

/** Columns that all rewards share: end-to-end rollouts, and counterfactual ones. */
export const shared = { n: 0, perception: 1, reasoning: 2, forced: 3, forcedRight: 4 } as const;
const sharedWidth = 5;

/**
 * The columns of a reward x, from its own first one on. Pooled: sums over rollouts. Centred: sums of squares and products
 * about the means of the groups. Means: sums over prompts of the prompt's means. Forced: the same over the prompts that have
 * counterfactual rollouts, with the share of right ones among these. Values and means are taken from where they are told
 * apart best (`originOf`), which no correlation notices; `sum` is of the values as they are.
 */
export const ofReward = {
  pooled: { n: 0, x: 1, xx: 2, perception: 3, reasoning: 4, xPerception: 5, xReasoning: 6 },
  centred: { xx: 7, perception: 8, reasoning: 9, xPerception: 10, xReasoning: 11 },
  means: {
    n: 12,
    x: 13,
    xx: 14,
    perception: 15,
    perception2: 16,
    reasoning: 17,
    reasoning2: 18,
    xPerception: 19,
    xReasoning: 20,
  },
  forced: { n: 21, x: 22, xx: 23, right: 24, right2: 25, xRight: 26 },
  sum: 27,
} as const;
const rewardWidth = 28;

/** Where the columns of the reward of that place begin. */
export const firstColumn = (place: number): number => sharedWidth + place * rewardWidth;

/** The rows in the order of the prompts' ids, so that nothing hangs on the order in which rollouts came. */
export const promptRows = (rollouts: RolloutSums): Clusters => {
  const rewards = rollouts.rewards;
  const groupsOf = new Map<string, Array<GroupSums>>();
  for (const id of rollouts.forced.keys()) groupsOf.set(id, []);
  for (const group of rollouts.groups.values()) {
    const groups = groupsOf.get(group.id);
    if (groups === undefined) groupsOf.set(group.id, [group]);
    else groups.push(group);
  }
  const ids = [...groupsOf.keys()].sort();
  const width = firstColumn(rewards.length);
  const sums = new Float64Array(ids.length * width);
  const rowOf = (prompt: number) => sums.subarray(prompt * width, (prompt + 1) * width);
  const rights = ids.map((id) => {
    const forced = rollouts.forced.get(id);
    return forced === undefined ? null : forced.right / forced.n;
  });
  ids.forEach((id, prompt) => {
    const row = rowOf(prompt);
    const forced = rollouts.forced.get(id) ?? { n: 0, right: 0 };
    for (const group of groupsOf.get(id) ?? []) {
      row[shared.n]! += group.n;
      row[shared.perception]! += group.perception;
      row[shared.reasoning]! += group.reasoning;
    }
    row[shared.forced] = forced.n;
    row[shared.forcedRight] = forced.right;
  });
  rewards.forEach((name, place) => {
    const values = ids.map((id) =>
      (groupsOf.get(id) ?? []).flatMap((group) => group.rewards.get(name) ?? []),
    );
    const { least, most } = extentOf(values.flat());
    // What is 0 or 1 is counted as it is.
    const origin = rollouts.graded.has(name) ? originOf(least, most) : 0;
    const rows = ids.map((_, prompt) =>
      rowOf(prompt).subarray(firstColumn(place), firstColumn(place + 1)),
    );
    values.forEach((own, prompt) => own.forEach((each) => addGroup(rows[prompt]!, each, origin)));
    addMeans(rows, rights, Math.max(least - origin, most - origin, origin - least));
  });
  return { width, sums };
};

const extentOf = (values: ReadonlyArray<{ readonly least: number; readonly most: number }>) => ({
  least: values.reduce((least, each) => Math.min(least, each.least), Infinity),
  most: values.reduce((most, each) => Math.max(most, each.most), -Infinity),
});

const addGroup = (row: Float64Array, values: RewardValues, origin: number): void => {
  const { pooled, centred } = ofReward;
  const sums = values.sumsFrom(origin);
  for (const name of Object.keys(pooled) as Array<keyof typeof pooled>)
    row[pooled[name]]! += sums[name];
  row[ofReward.sum]! += values.sumsFrom(0).x;
  const own = values.sumsFrom(originOf(values.least, values.most));
  const { n, x, perception, reasoning } = own;
  const xx = aboutMean(n, x, own.xx);
  row[centred.xx]! += xx;
  row[centred.perception]! += aboutMean(n, perception, perception);
  row[centred.reasoning]! += aboutMean(n, reasoning, reasoning);
  // What does not vary has no products either.
  if (xx === 0) return;
  row[centred.xPerception]! += own.xPerception - (x * perception) / n;
  row[centred.xReasoning]! += own.xReasoning - (x * reasoning) / n;
};

/** From the prompts' pooled sums, which have to be complete; no value is larger than `largest`. */
const addMeans = (
  all: ReadonlyArray<Float64Array>,
  rights: ReadonlyArray<number | null>,
  largest: number,
): void => {
  const { pooled, means, forced } = ofReward;
  const prompts = all
    .map((row, prompt) => ({ row, right: rights[prompt] ?? null, n: row[pooled.n]! }))
    .filter(({ n }) => n > 0);
  const most = prompts.reduce((most, { n }) => Math.max(most, n), 0);
  const meansOf = (of: ReadonlyArray<{ readonly row: Float64Array }>, name: keyof typeof pooled) =>
    toldApart(
      of.map(({ row }) => row[pooled[name]]! / row[pooled.n]!),
      2 * (most + 2) * 2 ** -53 * (name === "x" ? largest : 1),
    );
  const x = meansOf(prompts, "x");
  const perception = meansOf(prompts, "perception");
  const reasoning = meansOf(prompts, "reasoning");
  prompts.forEach(({ row }, prompt) => {
    row[means.n] = 1;
    row[means.x] = x[prompt]!;
    row[means.xx] = x[prompt]! * x[prompt]!;
    row[means.perception] = perception[prompt]!;
    row[means.perception2] = perception[prompt]! * perception[prompt]!;
    row[means.reasoning] = reasoning[prompt]!;
    row[means.reasoning2] = reasoning[prompt]! * reasoning[prompt]!;
    row[means.xPerception] = x[prompt]! * perception[prompt]!;
    row[means.xReasoning] = x[prompt]! * reasoning[prompt]!;
  });
  const both = prompts.filter(({ right }) => right !== null);
  const forcedX = meansOf(both, "x");
  const right = toldApart(
    both.map(({ right }) => right!),
    0,
  );
  both.forEach(({ row }, prompt) => {
    row[forced.n] = 1;
    row[forced.x] = forcedX[prompt]!;
    row[forced.xx] = forcedX[prompt]! * forcedX[prompt]!;
    row[forced.right] = right[prompt]!;
    row[forced.right2] = right[prompt]! * right[prompt]!;
    row[forced.xRight] = forcedX[prompt]! * right[prompt]!;
  });
};

/**
 * Means from where they are told apart best; all 0 where they are one but for rounding, which is at most u = 2^-53 for each
 * value of a mean, times the largest of them, on either side of a comparison.
 */
const toldApart = (means: ReadonlyArray<number>, rounding: number): ReadonlyArray<number> => {
  const { least, most } = extentOf(means.map((mean) => ({ least: mean, most: mean })));
  if (most - least <= rounding) return means.map(() => 0);
  const origin = originOf(least, most);
  return means.map((mean) => mean - origin);
};
