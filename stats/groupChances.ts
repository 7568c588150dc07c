/**
 * Chances of k responses to a prompt, from the n ≥ k that were sampled: exact means over all choices of k of them without
 * replacement, so unbiased for k new ones (pass@k: Chen et al., arXiv 2107.03374, equation 1; the others likewise).
 */

/** C(count, k) / C(n, k): the probability that k of n are all among these `count`. */
const allAmong = (count: number, n: number, k: number): number => {
  let share = 1;
  for (let drawn = 0; drawn < k; drawn++) share *= Math.max(0, count - drawn) / (n - drawn);
  return share;
};

/** The probability that one of k responses is right. */
export const passAt = (right: ReadonlyArray<boolean>, k: number): number =>
  1 - allAmong(right.filter((is) => !is).length, right.length, k);

/** The probability that k values are not all equal. */
export const differAt = (values: ReadonlyArray<number>, k: number): number => {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()].reduce((rest, count) => rest - allAmong(count, values.length, k), 1);
};

/** The probability that, of k responses, the one with the greatest reward is right; one of equals is drawn at random. */
export const bestAt = (
  right: ReadonlyArray<boolean>,
  rewards: ReadonlyArray<number>,
  k: number,
): number => {
  const n = right.length;
  let below = 0;
  let chance = 0;
  for (const reward of [...new Set(rewards)].toSorted((one, other) => one - other)) {
    const own = right.filter((_, place) => rewards[place] === reward);
    const greatest = allAmong(below + own.length, n, k) - allAmong(below, n, k);
    chance += (greatest * own.filter(Boolean).length) / own.length;
    below += own.length;
  }
  return chance;
};
