/** Predicted times: the fit, and the share of simulated runs that end within the predicted range. */
import { assert, describe, it } from "@effect/vitest";
import { median, type PastTime, predictor } from "../../../pipelines/plan/predictSeconds.ts";
import { Random } from "../../../stats/Random.ts";

const at = (past: ReadonlyArray<PastTime>, work: number) => {
  const predict = predictor(past);
  if (predict === undefined) throw new Error("no prediction");
  return predict(work);
};

it("the median is the middle, or the mean of the two in the middle", () => {
  assert.strictEqual(median([9, 1, 5]), 5);
  assert.strictEqual(median([4, 1, 2, 9]), 3);
  assert.isUndefined(median([]));
});

describe("the prediction", () => {
  it("is absent without earlier runs", () => assert.isUndefined(predictor([])));

  it("adds the measured fixed cost to a cost a unit", () => {
    const past = [{ work: 500, seconds: 310, fixedSeconds: 10 }];
    assert.closeTo(at(past, 800).seconds, 490, 1e-9);
    assert.closeTo(at(past, 0).seconds, 10, 1e-9);
  });

  it("finds both in runs with different work, and one odd run moves nothing", () => {
    const past = [100, 200, 300, 400, 500].map((work) => ({ work, seconds: 20 + work / 2 }));
    assert.closeTo(at(past, 1000).seconds, 520, 1e-9);
    const odd = past.map((each) => (each.work === 300 ? { ...each, seconds: 9000 } : each));
    assert.closeTo(at(odd, 1000).seconds, 520, 1e-9);
  });

  it("grows with the work after a single run, and its range also holds the time of that run", () => {
    const { seconds, low, high } = at([{ work: 500, seconds: 300 }], 800);
    assert.closeTo(seconds, 480, 1e-9);
    assert.isBelow(low, 300);
    assert.isAbove(high, 480);
  });

  it("is never negative, its range has two ends, and more work never takes less", () => {
    const random = Random.of("times");
    for (let round = 0; round < 300; round += 1) {
      const past = Array.from({ length: 1 + random.integer(0, 5) }, () => ({
        work: random.integer(0, 4),
        seconds: random.uniform() * 100,
        ...(random.uniform() < 0.5 ? {} : { fixedSeconds: random.uniform() * 100 }),
      }));
      const predict = predictor(past);
      if (predict === undefined) {
        assert.isTrue(past.every(({ work }) => work === 0));
        continue;
      }
      const all = [0, 1, 3, 10].map(predict);
      for (const { seconds, low, high } of all) {
        assert.isTrue(Number.isFinite(high));
        assert.isTrue(0 <= low && low <= seconds && seconds <= high);
      }
      const times = all.map(({ seconds }) => seconds);
      assert.deepStrictEqual(
        times,
        times.toSorted((one, other) => one - other),
      );
    }
  });
});

/** How often the range holds the next run's time, and its mean width as high over low. */
const simulate = (runs: number, sigma: number, isMeasured: boolean) => {
  const rounds = 400;
  let [held, width] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const random = Random.of("history", runs, sigma * 1000, isMeasured ? 1 : 0, round);
    const [fixed, perUnit] = [5 + random.uniform() * 20, 0.05 + random.uniform()];
    const time = (work: number) => (fixed + perUnit * work) * Math.exp(sigma * random.normal());
    const past = Array.from({ length: runs }, () => {
      const work = 100 * (1 + random.integer(0, 7));
      const seconds = time(work);
      return { work, seconds, ...(isMeasured ? { fixedSeconds: fixed } : {}) };
    });
    const work = 100 * (1 + random.integer(0, 7));
    const { low, high } = at(past, work);
    const actual = time(work);
    if (low <= actual && actual <= high) held += 1;
    width += high / low / rounds;
  }
  return { coverage: held / rounds, width };
};

describe("the range holds nine runs in ten", () => {
  for (const sigma of [0.05, 0.2, 0.4])
    for (const runs of [1, 2, 5, 20])
      for (const isMeasured of [true, false])
        it(`after ${runs} runs that scatter by ${sigma * 100} %, the fixed cost ${isMeasured ? "measured" : "fitted"}`, () => {
          const { coverage } = simulate(runs, sigma, isMeasured);
          // Three standard errors of 400 rounds; a wide scatter shows only after a few runs.
          const least = sigma > 0.3 && runs < 5 ? 0.75 : 0.855;
          assert.isAtLeast(coverage, least);
        });

  it("and narrows: after 20 runs that scatter by 5 %, its ends are less than a factor of 1.6 apart", () =>
    assert.isBelow(simulate(20, 0.05, true).width, 1.6));
});

describe("on a machine that others use", () => {
  it("the newest runs say how fast it is, and the range tells of the change", () => {
    const slow = Array.from({ length: 10 }, () => ({ work: 100, seconds: 50, fixedSeconds: 5 }));
    const fast = Array.from({ length: 3 }, () => ({ work: 100, seconds: 12, fixedSeconds: 2 }));
    const { seconds, low, high } = at([...fast, ...slow], 100);
    assert.closeTo(seconds, 12, 1e-9);
    assert.isBelow(low, 10);
    assert.isAbove(high, 15);
  });

  // Seconds of the same 200 answers, run by run, while the load of two cores went from 18 to 30 and then to 4.
  const recorded = [
    6.6, 5.1, 6.0, 5.7, 3.3, 7.4, 11.2, 11.1, 5.8, 5.1, 4.7, 5.8, 3.3, 2.1, 2.4, 1.2, 1.9, 1.2, 0.9,
    0.9,
  ];

  it("the range holds at least three in four of recorded times that changed by a factor of 12", () => {
    const held = recorded.filter((seconds, index) => {
      if (index === 0) return false;
      const past = recorded.slice(0, index).toReversed();
      const { low, high } = at(
        past.map((each) => ({ work: 200, seconds: each })),
        200,
      );
      return low <= seconds && seconds <= high;
    });
    assert.isAtLeast(held.length, 0.75 * (recorded.length - 1));
  });

  it("a stage of a tenth of a second may take half of one", () =>
    assert.isAbove(at([{ work: 1, seconds: 0.1 }], 1).high, 0.5));
});
