/** Means and proportions of answers that share runs and instances: by hand, by properties, and their coverage by simulation. */
import { assert, describe, it } from "@effect/vitest";
import { clusteredMean, errorsOutside, tailsBeyond } from "../../stats/clusteredMean.ts";
import { clusteredProportion } from "../../stats/clusteredProportion.ts";
import { contrast } from "../../stats/contrast.ts";
import { normalDistribution } from "../../stats/normalDistribution.ts";
import { Random } from "../../stats/Random.ts";
import { studentMean } from "../../stats/studentT.ts";
import { wilson } from "../../stats/wilson.ts";
import { relativelyClose } from "./relativelyClose.ts";

const random = Random.of("clusters", 15);
const gauss = () => random.normal();

interface Structure {
  readonly runs: number;
  readonly pictures: number;
  readonly instances: number;
  /** The mean and the standard deviations, of runs, instances and answers, of a normal number that is above 0 for right answers. */
  readonly mean: number;
  readonly sd: readonly [run: number, instance: number, answer: number];
}

/** How easy each instance is, and the instance that each picture shows. */
const drawn = ({ pictures, instances, sd: [, ofInstance] }: Structure) => ({
  easy: Array.from({ length: instances }, () => ofInstance * gauss()),
  shown: Array.from({ length: pictures }, (_, picture) =>
    instances === pictures ? picture : random.integer(0, instances - 1),
  ),
});

/** Greedy answers to the same pictures by several runs. */
const answersOf = (structure: Structure, { easy, shown } = drawn(structure)) => {
  const {
    runs,
    mean,
    sd: [ofRun, , own],
  } = structure;
  return Array.from({ length: runs }, (_, run) => {
    const good = ofRun * gauss();
    return shown.map((instance) => ({
      run,
      instance: String(instance),
      right: mean + good + easy[instance]! + own * gauss() > 0,
    }));
  }).flat();
};

const structures: Readonly<Record<string, Structure>> = {
  "one seed, 500 distinct instances": {
    runs: 1,
    pictures: 500,
    instances: 500,
    mean: 0.5,
    sd: [0, 1, 1],
  },
  "one seed, 186 instances in 500 pictures": {
    runs: 1,
    pictures: 500,
    instances: 186,
    mean: 0.5,
    sd: [0, 1, 0.5],
  },
  "5 seeds on the same 500 instances": {
    runs: 5,
    pictures: 500,
    instances: 500,
    mean: 0,
    sd: [0.2, 1, 1],
  },
  "5 seeds on 186 instances": {
    runs: 5,
    pictures: 500,
    instances: 186,
    mean: 0.7,
    sd: [0.2, 1, 0.5],
  },
  "3 seeds that hardly differ": {
    runs: 3,
    pictures: 300,
    instances: 300,
    mean: 0,
    sd: [0.02, 1, 0.5],
  },
  "2 seeds on 186 instances": { runs: 2, pictures: 500, instances: 186, mean: 0, sd: [0.2, 1, 1] },
};

describe("the interval of a proportion", () => {
  it("covers the truth in at least 92 % of simulated studies, nominally 95 %", () => {
    const studies = 300;
    for (const [name, structure] of Object.entries(structures)) {
      const { mean, sd } = structure;
      const truth = normalDistribution(mean / Math.hypot(...sd));
      let covered = 0;
      for (let study = 0; study < studies; study += 1) {
        const { low, high } = clusteredProportion(answersOf(structure))!;
        covered += Number(low <= truth && truth <= high);
      }
      // 92 % is 2.4 standard errors of 300 studies below 95 %.
      assert.isAtLeast(covered / studies, 0.92, name);
    }
  });

  it("is Wilson's for one run on distinct instances", () => {
    const answers = Array.from({ length: 40 }, (_, i) => ({
      run: 0,
      instance: `${i}`,
      right: i < 9,
    }));
    assert.deepStrictEqual(clusteredProportion(answers), {
      ...wilson(9, 40)!,
      instances: 40,
      sd: null,
    });
    assert.isNull(clusteredProportion([]));
  });

  it("contains its value, stays in 0..1 and is never narrower than Wilson's half", () => {
    for (let study = 0; study < 60; study += 1) {
      const runs = 1 + (study % 4);
      const answers = answersOf({
        runs,
        pictures: 30,
        instances: 1 + (study % 25),
        mean: (study % 7) - 3,
        sd: [0.3, 1, 0.5],
      });
      const { value, low, high, n, successes } = clusteredProportion(answers)!;
      const plain = wilson(successes, n)!;
      assert.isTrue(0 <= low && low <= value && value <= high && high <= 1);
      assert.isAtLeast(high - low, (plain.high - plain.low) * (1 - 1e-9));
    }
  });

  it("counts instances where all answers are right", () => {
    const answers = [0, 1, 2].flatMap((run) =>
      ["a", "b", "b"].map((instance) => ({ run, instance, right: true })),
    );
    const { low, high } = clusteredProportion(answers)!;
    assert.deepStrictEqual({ low, high }, { low: wilson(2, 2)!.low, high: 1 });
  });
});

describe("the clustered mean", () => {
  it("has the standard error of the clusters' sums: by hand", () => {
    const values = [1, 0, 1, 1, 0, 0];
    const instances = ["a", "a", "b", "b", "c", "c"];
    const { mean, error } = clusteredMean(
      values.map((value, i) => ({ value, run: 0, instance: instances[i]! })),
    );
    assert.strictEqual(mean, 0.5);
    // Sums of residuals 0, 1, −1: 3/2 · 2 / 36.
    relativelyClose(error ** 2, 3 / 36, 1e-12);
  });

  it("is Student's over runs where every run has one answer to an instance of its own", () => {
    const values = [1, 4, 2, 7];
    const own = clusteredMean(values.map((value, run) => ({ value, run, instance: String(run) })));
    const { interval } = studentMean(values);
    relativelyClose(own.mean - errorsOutside(own, 0.05) * own.error, interval.low!, 1e-9);
    relativelyClose(tailsBeyond(own, own.mean / own.error), studentMean(values).p.value!, 1e-9);
  });

  it("does not depend on the order of answers", () => {
    const answers = answersOf(structures["5 seeds on 186 instances"]!).map((each) => ({
      ...each,
      value: Number(each.right),
    }));
    const [one, other] = [clusteredMean(answers), clusteredMean(answers.toReversed())];
    relativelyClose(one.error, other.error, 1e-9);
  });
});

describe("a contrast", () => {
  it("covers the true difference in at least 92 % of simulated studies, nominally 95 %", () => {
    const studies = 300;
    const better = 0.2;
    for (const [name, structure] of Object.entries(structures)) {
      const { mean, sd } = structure;
      const shareAt = (of: number) => normalDistribution(of / Math.hypot(...sd));
      const truth = shareAt(mean + better) - shareAt(mean);
      let covered = 0;
      for (let study = 0; study < studies; study += 1) {
        const pictures = drawn(structure);
        const base = answersOf(structure, pictures);
        const differences = answersOf({ ...structure, mean: mean + better }, pictures).map(
          ({ run, instance, right }, place) => ({
            run,
            instance,
            value: Number(right) - Number(base[place]!.right),
          }),
        );
        const { low, high } = contrast(differences);
        covered += Number(low! <= truth && truth <= high!);
      }
      assert.isAtLeast(covered / studies, 0.92, name);
    }
  });

  const pairs = [0, 1, 2, 3].flatMap((run) =>
    Array.from({ length: 50 }, (_, i) => ({
      run,
      instance: `${i}`,
      value: Number((i * 7 + run) % 5 === 0) - Number((i * 3 + run) % 11 === 0),
    })),
  );

  it("has a p-value below 5 % exactly where the interval leaves out 0", () => {
    for (const shift of [-0.3, -0.15, -0.05, 0, 0.05, 0.2]) {
      const { low, high, p } = contrast(
        pairs.map((pair) => ({ ...pair, value: pair.value + shift })),
      );
      assert.strictEqual(p! < 0.05, low! > 0 || high! < 0);
    }
  });

  it("is equivalent within a margin only if it is not worse by it", () => {
    const { margin, value } = contrast(pairs, 0.5);
    assert.isBelow(Math.abs(value!), 0.5);
    assert.isBelow(margin!.not_worse!, 0.001);
    assert.isAtLeast(margin!.equivalent!, margin!.not_worse!);
    const worse = contrast(
      pairs.map((pair) => ({ ...pair, value: pair.value - 0.5 })),
      0.02,
    );
    assert.isAbove(worse.margin!.not_worse!, 0.99);
  });

  it("says why it has no number", () => {
    assert.strictEqual(contrast([]).note, "the arms have no picture in common");
    const same = contrast([0, 1].map((run) => ({ run, instance: "a", value: 1 })));
    assert.deepInclude(same, { value: 1, p: null, note: "every difference is the same" });
    assert.match(contrast(pairs.filter(({ run }) => run === 0)).note!, /other trainings/u);
  });
});
