/**
 * A row of sums for each prompt, such that the total of any rows gives every correlation of the rollouts of those prompts:
 * what the cluster bootstrap draws from.
 */
import type { Clusters } from "./ClusterBootstrap.ts";
import { aboutMean } from "./moments.ts";
import type { GroupSums, RewardSums, RolloutSums } from "./RolloutSums.ts";

/** Columns that all rewards share: end-to-end rollouts, and counterfactual ones. */
export const shared = { n: 0, perception: 1, reasoning: 2, forced: 3, forcedRight: 4 } as const;
const sharedWidth = 5;

/**
 * The columns of a reward x, from its own first one on. Pooled: sums over rollouts. Centred: sums of squares and products
 * about the means of the groups. Means: sums over prompts of the prompt's means. Forced: the same over the prompts that have
 * counterfactual rollouts, with the share of right ones among these.
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
} as const;
const rewardWidth = 27;

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
  ids.forEach((id, prompt) => {
    const row = sums.subarray(prompt * width, (prompt + 1) * width);
    const groups = groupsOf.get(id) ?? [];
    const forced = rollouts.forced.get(id) ?? { n: 0, right: 0 };
    for (const group of groups) {
      row[shared.n]! += group.n;
      row[shared.perception]! += group.perception;
      row[shared.reasoning]! += group.reasoning;
    }
    row[shared.forced] = forced.n;
    row[shared.forcedRight] = forced.right;
    rewards.forEach((name, place) => {
      const columns = row.subarray(firstColumn(place), firstColumn(place + 1));
      for (const group of groups) addGroup(columns, group.rewards.get(name));
      addMeans(columns, forced.n === 0 ? null : forced.right / forced.n);
    });
  });
  return { width, sums };
};

const addGroup = (row: Float64Array, sums: RewardSums | undefined): void => {
  if (sums === undefined) return;
  const { pooled, centred } = ofReward;
  for (const name of Object.keys(pooled) as Array<keyof typeof pooled>)
    row[pooled[name]]! += sums[name];
  const { n, x, perception, reasoning } = sums;
  const xx = aboutMean(n, x, sums.xx);
  row[centred.xx]! += xx;
  row[centred.perception]! += aboutMean(n, perception, perception);
  row[centred.reasoning]! += aboutMean(n, reasoning, reasoning);
  // What rounding leaves of a constant has no products either.
  if (xx === 0) return;
  row[centred.xPerception]! += sums.xPerception - (x * perception) / n;
  row[centred.xReasoning]! += sums.xReasoning - (x * reasoning) / n;
};

/** From the prompt's pooled sums, which have to be complete. */
const addMeans = (row: Float64Array, right: number | null): void => {
  const { pooled, means, forced } = ofReward;
  const n = row[pooled.n]!;
  if (n === 0) return;
  const [x, perception, reasoning] = [pooled.x, pooled.perception, pooled.reasoning].map(
    (column) => row[column]! / n,
  ) as [number, number, number];
  row[means.n] = 1;
  row[means.x] = x;
  row[means.xx] = x * x;
  row[means.perception] = perception;
  row[means.perception2] = perception * perception;
  row[means.reasoning] = reasoning;
  row[means.reasoning2] = reasoning * reasoning;
  row[means.xPerception] = x * perception;
  row[means.xReasoning] = x * reasoning;
  if (right === null) return;
  row[forced.n] = 1;
  row[forced.x] = x;
  row[forced.xx] = x * x;
  row[forced.right] = right;
  row[forced.right2] = right * right;
  row[forced.xRight] = x * right;
};
