/** Chances of k responses, held against counting every subset. */
import { assert, describe, it } from "@effect/vitest";
import { Random } from "../../stats/Random.ts";
import { bestAt, differAt, passAt } from "../../stats/groupChances.ts";

const subsets = (n: number, k: number): ReadonlyArray<ReadonlyArray<number>> =>
  k === 0
    ? [[]]
    : Array.from({ length: n }, (_, last) => last).flatMap((last) =>
        subsets(last, k - 1).map((some) => [...some, last]),
      );

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Up to seven responses, with few values of the reward, so that many are equal. */
const drawn = (seed: number) => {
  const random = Random.of("groups", seed);
  const n = random.integer(2, 7);
  const right = Array.from({ length: n }, () => random.integer(0, 1) === 1);
  const rewards = Array.from({ length: n }, () => random.integer(0, 2) / 3);
  return { n, right, rewards };
};

describe("of k responses", () => {
  for (let seed = 0; seed < 40; seed++) {
    const { n, right, rewards } = drawn(seed);
    for (let k = 1; k <= n; k++) {
      const all = subsets(n, k);
      it(`${k} of ${n}, drawn with seed ${seed}, come to what their subsets do`, () => {
        const some = mean(all.map((of) => Number(of.some((place) => right[place]))));
        assert.closeTo(passAt(right, k), some, 1e-12);
        const apart = mean(all.map((of) => Number(new Set(of.map((at) => rewards[at])).size > 1)));
        assert.closeTo(differAt(rewards, k), apart, 1e-12);
        const best = mean(
          all.map((of) => {
            const greatest = Math.max(...of.map((place) => rewards[place]!));
            return mean(
              of.filter((at) => rewards[at] === greatest).map((place) => Number(right[place])),
            );
          }),
        );
        assert.closeTo(bestAt(right, rewards, k), best, 1e-12);
      });
    }
  }

  it("the best by the outcome is right if one is", () => {
    const right = [true, false, false, true, false];
    for (let k = 1; k <= 5; k++)
      assert.closeTo(bestAt(right, right.map(Number), k), passAt(right, k), 1e-12);
  });
});
