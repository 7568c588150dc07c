/** Every number of `correlate` against plain formulas over all rollouts, every interval against a bootstrap of them. */
import { assert, describe, it } from "@effect/vitest";
import zlib from "node:zlib";
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { Reading, Target } from "../../schemas/Correlation.ts";
import type { Rollout } from "../../kinds/Rollouts.ts";
import { bootstrapInterval } from "../../stats/bootstrapInterval.ts";
import { pearson } from "../../stats/pearson.ts";
import { Random } from "../../stats/Random.ts";
import { correlate, jsonl, rollout, run } from "./correlating.ts";

/** Prompts of varying difficulty over three steps; some rollouts lack the teacher, some prompts have counterfactual rollouts. */
const study = (seed: number, prompts = 12): ReadonlyArray<Rollout> => {
  const random = Random.of(seed, "study");
  return Array.from({ length: prompts }, (_, prompt) => {
    const [easy, clear] = [random.uniform(), random.uniform()];
    const seen = [0, 1, 2].flatMap((step) =>
      Array.from({ length: random.integer(1, 6) }, (_, sample) => {
        const perception = random.uniform() < clear;
        const consistent = random.uniform() < easy;
        const outcome = consistent && (perception || random.uniform() < 0.3);
        const f1 = perception ? 1 : random.integer(0, 9) / 10;
        const teacher = random.uniform() < 0.8 ? perception : !perception;
        return rollout({
          id: `p${prompt}`,
          group: prompt,
          step,
          sample,
          outcome,
          perception,
          consistent,
          rewards: {
            total: 0.5,
            outcome: Number(outcome),
            perception: Number(perception),
            perception_f1: f1,
            ...(random.uniform() < 0.8 ? { teacher: Number(teacher) } : {}),
          },
        });
      }),
    );
    const forced = Array.from({ length: prompt % 3 === 0 ? 0 : 4 }, (_, sample) =>
      rollout({
        id: `p${prompt}`,
        group: prompt,
        sample,
        mode: "counterfactual",
        outcome: random.uniform() < easy,
      }),
    );
    return [...seen, ...forced];
  }).flat();
};

type Pairs = ReadonlyArray<readonly [x: number, y: number]>;

/** Pairs of a reading, computed from every rollout, for Pearson's correlation. */
const pairsOf = (
  lines: ReadonlyArray<Rollout>,
  reward: string,
  target: Target,
  reading: Reading,
): Pairs => {
  const mean = (values: ReadonlyArray<number>) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const seen = lines.filter(
    (line) => line.mode === "end-to-end" && (reward === "outcome" || reward in line.rewards),
  );
  const x = (line: Rollout) =>
    reward === "outcome" ? Number(line.outcome) : (line.rewards[reward] ?? 0);
  const y = (line: Rollout) => Number(target === "perception" ? line.perception : line.consistent);
  const by = (key: (line: Rollout) => string) => [...Map.groupBy(seen, key)];
  if (reading === "pooled") return seen.map((line) => [x(line), y(line)]);
  if (reading === "group_centred")
    return by((line) => `${line.step} ${line.group}`).flatMap(([, group]) => {
      const [meanX, meanY] = [mean(group.map(x)), mean(group.map(y))];
      return group.map((line) => [x(line) - meanX, y(line) - meanY] as const);
    });
  return by((line) => line.id).flatMap(([id, own]) => {
    if (target !== "counterfactual") return [[mean(own.map(x)), mean(own.map(y))] as const];
    const forced = lines.filter((line) => line.mode === "counterfactual" && line.id === id);
    if (forced.length === 0) return [];
    return [[mean(own.map(x)), mean(forced.map((line) => Number(line.outcome)))] as const];
  });
};

const directly = (
  lines: ReadonlyArray<Rollout>,
  [reward, target, reading]: readonly [string, Target, Reading],
): number | null => {
  const pairs = pairsOf(lines, reward, target, reading);
  return pearson(
    pairs.map(([x]) => x),
    pairs.map(([, y]) => y),
  ).value;
};

const asked = ["outcome", "perception_f1", "teacher"].flatMap((reward) => [
  ...(["perception", "reasoning"] as const).flatMap((target) =>
    (["pooled", "group_centred", "prompt_means"] as const).map(
      (reading) => [reward, target, reading] as const,
    ),
  ),
  [reward, "counterfactual", "prompt_means"] as const,
]);

describe("of any rollouts", () => {
  it("every number equals the plain formula over all rollouts", async () => {
    for (const seed of [1, 2, 3]) {
      const lines = study(seed);
      const { association, point } = await correlate(lines);
      for (const [reward, target, reading] of asked) {
        const expected = directly(lines, [reward, target, reading]) ?? assert.fail();
        const { value } = association(reward, target)[reading];
        assert.closeTo(value ?? 9, expected, 1e-12, `${reward} ${target} ${reading}`);
      }
      const seen = lines.filter((line) => line.mode === "end-to-end");
      assert.deepStrictEqual(point.rollouts, {
        end_to_end: seen.length,
        counterfactual: lines.length - seen.length,
      });
      const taught = seen.filter((line) => "teacher" in line.rewards);
      assert.strictEqual(association("teacher", "perception").rollouts, taught.length);
      assert.strictEqual(association("teacher", "counterfactual").prompts, 8);
      assert.deepStrictEqual(point.steps, { first: 0, last: 2 });
      assert.deepStrictEqual(Object.keys(point.means.rewards), [
        "outcome",
        "perception_f1",
        "teacher",
      ]);
    }
  });

  it("a reward with little variation relative to its size is not constant, overall or in a group", async () => {
    const random = Random.of("little");
    const levels = [0, 0.25, 1, 2 ** 20];
    for (const level of [() => 1, () => -1e5, () => random.pick(levels)]) {
      const ofGroup = new Map<string, number>();
      const lines = study(9).map((line) => {
        const name = `${line.id} ${line.step}`;
        const base = ofGroup.get(name) ?? level();
        ofGroup.set(name, base);
        const little = Math.max(1, Math.abs(base)) * 2 ** -24 * random.integer(0, 3);
        return { ...line, rewards: { little: base + little + (line.perception ? 2 ** -23 : 0) } };
      });
      const { association, point } = await correlate(lines);
      for (const target of ["perception", "reasoning"] as const)
        for (const reading of ["pooled", "group_centred", "prompt_means"] as const) {
          const expected = directly(lines, ["little", target, reading]) ?? assert.fail();
          const { value } = association("little", target)[reading];
          assert.closeTo(value ?? 9, expected, 1e-6, `little ${target} ${reading}`);
        }
      const seen = lines.filter((line) => line.mode === "end-to-end");
      const mean = seen.reduce((sum, { rewards }) => sum + rewards.little, 0) / seen.length;
      assert.closeTo(point.means.rewards["little"]!.value! / mean, 1, 1e-12);
    }
  });

  it("every interval equals a bootstrap of the rollouts themselves", async () => {
    const lines = study(4);
    const [seed, resamples] = [5, 150];
    const { association } = await correlate(lines, { seed, resamples });
    const prompts = [...Map.groupBy(lines, (line) => line.id)]
      .toSorted(([one], [other]) => Number(one > other) - Number(one < other))
      .map(([, own]) => own);
    // Each time that a prompt is drawn it is another one.
    const resampled = (drawn: ReadonlyArray<number>) =>
      drawn.flatMap((prompt, draw) =>
        prompts[prompt]!.map((line) => ({ ...line, id: `${draw}`, group: draw })),
      );
    const random = Random.of(seed, "bootstrap");
    const whole = 2 ** 31 - (2 ** 31 % prompts.length);
    const below = (): number => {
      const bits = random.bits() >>> 1;
      return bits < whole ? bits % prompts.length : below();
    };
    const samples = Array.from({ length: resamples }, () => resampled(prompts.map(below)));
    const others = prompts.map((_, left) =>
      resampled(prompts.map((_, prompt) => prompt).filter((prompt) => prompt !== left)),
    );
    for (const of of asked) {
      const [reward, target, reading] = of;
      const expected = bootstrapInterval(
        {
          estimate: directly(lines, of) ?? assert.fail(),
          replicates: samples.map((sample) => directly(sample, of)),
          jackknife: others.map((sample) => directly(sample, of) ?? assert.fail()),
        },
        "bca",
      );
      const { low, high } = association(reward, target)[reading];
      assert.closeTo(low ?? 9, expected.low ?? -9, 1e-9, of.join(" "));
      assert.closeTo(high ?? 9, expected.high ?? -9, 1e-9, of.join(" "));
    }
  });

  it("line order and compression change nothing, another seed only intervals", async () => {
    const lines = study(6);
    const { json, made } = await correlate(lines);
    const shuffled = Random.of("shuffle").shuffle(lines);
    // Sums in another order differ in their last digits.
    const digits = (text: string) =>
      text.replaceAll(/-?\d+\.\d+(?:e-\d+)?/gu, (number) => Number(number).toFixed(9));
    assert.strictEqual(digits((await correlate(shuffled)).json), digits(json));
    const half = Math.floor(lines.length / 2);
    const members = [lines.slice(0, half), lines.slice(half)].map((part) =>
      zlib.gzipSync(jsonl(part)),
    );
    const packed = await run([[{}, { "rollouts.jsonl.gz": Buffer.concat(members) }]]);
    assert.strictEqual(packed.json, json);
    const other = (await correlate(lines, { seed: 1 })).made;
    const values = ({ points }: Correlations) =>
      points[0]?.associations.map((each) => each.pooled.value);
    assert.deepStrictEqual(values(other), values(made));
    assert.notDeepEqual(other.points[0]?.associations, made.points[0]?.associations);
  });

  it("the contrast is the difference of the two correlations", async () => {
    const { point, association } = await correlate(study(8));
    const [one, other] = [
      association("outcome", "reasoning"),
      association("outcome", "perception"),
    ];
    for (const reading of ["pooled", "group_centred", "prompt_means"] as const) {
      const difference = (one[reading].value ?? 9) - (other[reading].value ?? 9);
      assert.strictEqual(point.contrasts[0]?.[reading].value, difference);
      assert.isAbove(difference, 0);
    }
    const forced = association("outcome", "counterfactual").prompt_means.value ?? 9;
    const { counterfactual } = point.contrasts[0] ?? assert.fail();
    assert.strictEqual(counterfactual?.value, forced - (other.prompt_means.value ?? 9));
    assert.isBelow(counterfactual?.low ?? 9, counterfactual?.value ?? -9);
    assert.isAbove(counterfactual?.high ?? -9, counterfactual?.value ?? 9);
  });

  it("only the chosen steps count", async () => {
    const lines = study(7);
    const some = lines.filter((line) => line.step >= 1);
    const steps = { first: 1, last: 2 };
    const asked = await correlate(lines, { steps });
    assert.deepStrictEqual(asked.point, (await correlate(some)).point);
  });
});
