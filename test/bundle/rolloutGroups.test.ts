/** Rollouts of a training are held against what its params ask for: steps, waves, groups, R, and what was learned from with which weight. */
import { assert, describe, it } from "@effect/vitest";
import { askedOf, type GrpoParams, type Slot } from "../../bundle/verify/askedRollouts.ts";
import { RolloutGroups } from "../../bundle/verify/rolloutGroups.ts";
import type { Rollout } from "../../schemas/Rollout.ts";

const params: GrpoParams = {
  prompts: "stream",
  alpha: 0.5,
  perception: "oracle",
  group: 4,
  prompts_per_step: 2,
  steps: 5,
  record_every: 2,
  normalize: "group-std",
  std: "unbiased",
  per_reward: false,
  dynamic_sampling: { kind: "none" },
};

/** The outcomes of a group's responses beside their perceptions, each 0 or 1, and the advantages. */
interface Group {
  readonly outcome: string;
  readonly perception: string;
  readonly advantages: ReadonlyArray<number | null>;
}

const digits = (text: string): ReadonlyArray<number> => [...text].map(Number);

/** Outcomes 1, 0, 0, 1 have a mean of 1/2 and an unbiased standard deviation of √(1/3): ±√3/2, but for the 1e-6. */
const half = 0.866024;
const mixed: Group = {
  outcome: "1001",
  perception: "1001",
  advantages: [half, -half, -half, half],
};
const even: Group = { outcome: "1111", perception: "1111", advantages: [0, 0, 0, 0] };
const dropped: Group = { ...even, advantages: [null, null, null, null] };

const stepOf = (step: number, groups: ReadonlyArray<Group>, alpha = 0.5): ReadonlyArray<Rollout> =>
  groups.flatMap((each, group) =>
    digits(each.outcome).map((outcome, sample) => {
      const perception = digits(each.perception)[sample]!;
      const total = alpha * perception + (1 - alpha) * outcome;
      return {
        id: `train_rl-${step}-${group}`,
        group,
        step,
        sample,
        mode: "end-to-end",
        response: "",
        tokens: 1,
        outcome: outcome === 1,
        perception: perception === 1,
        perception_f1: perception,
        consistent: false,
        reason: null,
        rewards: { outcome, perception, perception_f1: perception, total },
        advantage: each.advantages[sample]!,
      };
    }),
  );

/** What is said of rollouts whose data set is left out. */
const saidOf = (
  rollouts: ReadonlyArray<Rollout>,
  others: Partial<GrpoParams> = {},
  alsoUpTo = 0,
): ReadonlyArray<string> => {
  const said: Array<string> = [];
  const asked = askedOf("grpo", { ...params, ...others }, undefined)!;
  const groups = new RolloutGroups({
    asked,
    examples: undefined,
    alsoUpTo,
    say: (number, expected, found, message) =>
      said.push(`${number} ${message}: ${String(expected)}, ${String(found)}`),
  });
  for (const rollout of rollouts) groups.add(rollout);
  groups.end();
  return said;
};

const whole = [2, 4, 5].flatMap((step) => stepOf(step, [mixed, even]));
/** Of one step, the only one. */
const alone = (groups: ReadonlyArray<Group>, others: Partial<GrpoParams> = {}) =>
  saidOf(stepOf(1, groups, others.alpha), { ...others, steps: 1, record_every: 1 });

const one = (said: ReadonlyArray<string>, expected: RegExp): void => {
  assert.strictEqual(said.length, 1, said.join("\n"));
  assert.match(said[0]!, expected);
};

describe("the steps of a training", () => {
  it("are every so many, and the last", () => {
    assert.deepStrictEqual(saidOf(whole), []);
    one(saidOf(whole.filter(({ step }) => step !== 4)), /^step 4 was asked for: rollouts, none/u);
    one(saidOf([...stepOf(1, [mixed, even]), ...whole]), /^step 1 was not asked for/u);
    one(saidOf([...whole, ...stepOf(6, [mixed, even])]), /^step 6 was not asked for/u);
  });
  it("may have one more where a first version went on from a shorter run", () => {
    assert.deepStrictEqual(saidOf([...whole, ...stepOf(3, [mixed, even])], {}, 3), []);
    one(saidOf([...whole, ...stepOf(3, [mixed, even])], {}, 1), /^step 3 was not asked for/u);
  });
  it("have all of their groups", () => {
    one(
      saidOf(whole.filter(({ step, group }) => step !== 4 || group !== 0)),
      /^step 4, group 0 was asked for: present, absent/u,
    );
    one(alone([mixed, even, mixed]), /^step 1, group 2 was not asked for/u);
  });
});

describe("R", () => {
  it("is α·p + (1−α)·a", () => {
    const forged = whole.map((rollout, index) =>
      index === 1 ? { ...rollout, rewards: { ...rollout.rewards, total: 0.25 } } : rollout,
    );
    one(saidOf(forged), /sample 1, end-to-end\)\.rewards\.total .*α = 0\.5: 0, 0\.25/u);
    // R is 1/2 ± 1/4.
    const close = 0.866022;
    const seen = { ...mixed, perception: "0110", advantages: [close, -close, -close, close] };
    assert.deepStrictEqual(alone([seen, even], { alpha: 0.25 }), []);
    assert.isAbove(saidOf(stepOf(1, [seen, even], 0.25), { steps: 1, alpha: 0.75 }).length, 0);
  });
});

describe("advantages", () => {
  const other = (advantages: ReadonlyArray<number | null>): Group => ({ ...mixed, advantages });
  it("are what the rewards give", () => {
    one(alone([other([half, -half, -half, 0.9]), even]), /group 0, sample 3: advantage .*, 0\.9$/u);
    assert.deepStrictEqual(
      alone([other([0.999998, -0.999998, -0.999998, 0.999998]), even], { std: "population" }),
      [],
    );
    assert.deepStrictEqual(alone([other([0.5, -0.5, -0.5, 0.5]), even], { normalize: "none" }), []);
  });
  it("are normalised apart where that is asked for, then over the step", () => {
    // Apart: ±h for each reward, by halves; samples 0 and 3 get h, 1 and 2 lose it. Over the eight: √(4h²/7).
    const apart = { ...mixed, advantages: [1.322874, -1.322874, -1.322874, 1.322874] };
    assert.deepStrictEqual(alone([apart, even], { per_reward: true }), []);
    assert.isAbove(alone([mixed, even], { per_reward: true }).length, 0);
  });
  it("are of every group where none is dropped", () => {
    one(alone([mixed, dropped]), /^step 1, group 1 was not learned from/u);
    one(
      alone([other([null, -half, -half, half]), even]),
      /^step 1, group 0 was learned from in part/u,
    );
  });
});

describe("dynamic sampling", () => {
  const drop = { dynamic_sampling: { kind: "drop" } };
  const refill = { dynamic_sampling: { kind: "refill", waves: 3 } };
  const unlearned = { ...mixed, advantages: dropped.advantages };
  it("drops groups that have nothing to compare, and no others", () => {
    assert.deepStrictEqual(alone([mixed, dropped], drop), []);
    one(alone([unlearned, dropped], drop), /^step 1, group 0 was not learned from/u);
  });
  it("samples again until there is enough, and no more", () => {
    assert.deepStrictEqual(alone([mixed, mixed], refill), []);
    assert.deepStrictEqual(alone([dropped, mixed, mixed, unlearned], refill), []);
    assert.deepStrictEqual(alone([mixed, dropped, dropped, dropped, dropped, dropped], refill), []);
    one(alone([mixed, dropped], refill), /stopped sampling early: 2 groups that differ, 1 of 3/u);
    one(alone([mixed, mixed, unlearned, dropped], refill), /went on sampling/u);
    one(alone([dropped, mixed, mixed, mixed], refill), /group 3 was learned from, though/u);
    one(alone([mixed, dropped, mixed], refill), /^step 1, group 3 was asked for/u);
  });
});

describe("prompts", () => {
  const truth = { task: "sudoku", ground_truth: "{}", perception: "{}" };
  const examples = new Map([0, 1, 2, 3].map((row) => [`train_rl-${row}`, truth]));
  const slots = (others: Partial<GrpoParams>, places: ReadonlyArray<readonly [number, number]>) => {
    const asked = askedOf("grpo", { ...params, ...others }, examples)!;
    return places.map(([step, group]) => asked.slot(step, group));
  };
  it("of a stream are each the next of the split, waves that were not needed skipped", () => {
    const at = (id: string): Slot => ({ mode: "end-to-end", id: `train_rl-${id}` });
    assert.deepStrictEqual(
      slots({}, [
        [1, 0],
        [1, 1],
        [2, 0],
      ]),
      [at("0"), at("1"), at("2")],
    );
    const refill = { dynamic_sampling: { kind: "refill", waves: 2 } };
    assert.deepStrictEqual(
      slots(refill, [
        [1, 0],
        [1, 3],
      ]),
      [at("0"), at("3")],
    );
  });
  it("around a split come once each time around", () => {
    const round = (number: number): Slot => ({ mode: "end-to-end", round: number });
    assert.deepStrictEqual(
      slots({ prompts: "split" }, [
        [1, 0],
        [2, 1],
        [3, 0],
      ]),
      [round(0), round(0), round(1)],
    );
    const said: Array<string> = [];
    const asked = askedOf(
      "grpo",
      { ...params, prompts: "split", record_every: 1, steps: 1 },
      examples,
    )!;
    const say = (number: string, _: unknown, found: unknown, message: string) =>
      said.push(`${number} ${message}: ${String(found)}`);
    const groups = new RolloutGroups({ asked, examples, alsoUpTo: 0, say });
    for (const rollout of stepOf(1, [mixed, even])) groups.add({ ...rollout, id: "train_rl-3" });
    groups.end();
    assert.include(said.join("\n"), "step 1, group 1 comes again: train_rl-3");
  });
});
