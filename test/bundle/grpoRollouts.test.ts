/** The rollouts of a training are checked against its params: steps, waves, groups, totals and advantages. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { RolloutCheck } from "../../bundle/verify/RolloutCheck.ts";
import type { Rollout } from "../../kinds/Rollouts.ts";
import type { Truth } from "../../kinds/Dataset.ts";
import type { Slot } from "../../stages/Audit.ts";
import { expectedOfGrpo, type GrpoParams } from "../../stages/Grpo.audit.ts";
import { Grpo } from "../../stages/Grpo.ts";

const params: GrpoParams = Schema.decodeUnknownSync(Grpo.params)({
  prompts: "stream",
  alpha: 0.5,
  group: 4,
  prompts_per_step: 2,
  steps: 5,
  record_every: 2,
});

const checkOf = (
  others: Partial<GrpoParams>,
  report: (finding: string) => void,
  { split, resumedFrom }: { split?: ReadonlyMap<string, Truth>; resumedFrom?: number } = {},
): RolloutCheck => {
  const expected = expectedOfGrpo(
    { ...params, ...others },
    { ids: split && [...split.keys()], version: 1, resumedFrom },
  );
  return new RolloutCheck(expected, split, ({ where, expected: due, found, message }) =>
    report(`${where} ${message}: ${String(due)}, ${String(found)}`),
  );
};

/** Outcomes and perceptions of a group's responses, each 0 or 1, and the advantages. */
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

/** The findings on rollouts whose data set is left out. */
const findingsOn = (
  rollouts: ReadonlyArray<Rollout>,
  others: Partial<GrpoParams> = {},
  resumedFrom = 0,
): ReadonlyArray<string> => {
  const findings: Array<string> = [];
  const check = checkOf(others, (finding) => findings.push(finding), { resumedFrom });
  for (const rollout of rollouts) check.add(rollout);
  check.end();
  return findings;
};

const whole = [2, 4, 5].flatMap((step) => stepOf(step, [mixed, even]));
/** The findings on a single step. */
const alone = (groups: ReadonlyArray<Group>, others: Partial<GrpoParams> = {}) =>
  findingsOn(stepOf(1, groups, others.alpha), { ...others, steps: 1, record_every: 1 });

const isOne = (findings: ReadonlyArray<string>, expected: RegExp): void => {
  assert.strictEqual(findings.length, 1, findings.join("\n"));
  assert.match(findings[0]!, expected);
};

describe("the steps of a training", () => {
  it("are every `record_every`, and the last", () => {
    assert.deepStrictEqual(findingsOn(whole), []);
    isOne(
      findingsOn(whole.filter(({ step }) => step !== 4)),
      /^step 4 this step is missing: rollouts, none/u,
    );
    isOne(findingsOn([...stepOf(1, [mixed, even]), ...whole]), /^step 1 no such step is due/u);
    isOne(findingsOn([...whole, ...stepOf(6, [mixed, even])]), /^step 6 no such step is due/u);
  });
  it("may include one more where version 1 resumed a shorter run", () => {
    assert.deepStrictEqual(findingsOn([...whole, ...stepOf(3, [mixed, even])], {}, 3), []);
    isOne(
      findingsOn([...whole, ...stepOf(3, [mixed, even])], {}, 1),
      /^step 3 no such step is due/u,
    );
  });
  it("have all of their groups", () => {
    isOne(
      findingsOn(whole.filter(({ step, group }) => step !== 4 || group !== 0)),
      /^step 4, group 0 this group is missing: present, absent/u,
    );
    isOne(alone([mixed, even, mixed]), /^step 1, group 2 no such group is due/u);
  });
});

describe("R", () => {
  it("is α·p + (1−α)·a", () => {
    const forged = whole.map((rollout, index) =>
      index === 1 ? { ...rollout, rewards: { ...rollout.rewards, total: 0.25 } } : rollout,
    );
    isOne(findingsOn(forged), /sample 1, end-to-end\)\.rewards\.total .*α = 0\.5: 0, 0\.25/u);
    // R is 1/2 ± 1/4.
    const close = 0.866022;
    const seen = { ...mixed, perception: "0110", advantages: [close, -close, -close, close] };
    assert.deepStrictEqual(alone([seen, even], { alpha: 0.25 }), []);
    assert.isAbove(findingsOn(stepOf(1, [seen, even], 0.25), { steps: 1, alpha: 0.75 }).length, 0);
  });
  it("has an α that may change linearly from the first step to the last", () => {
    const fading = { alpha: 0.5, alpha_end: 0, steps: 5, record_every: 2 };
    const steps = [
      [2, 0.375],
      [4, 0.125],
      [5, 0],
    ] as const;
    const faded = steps.flatMap(([step, alpha]) => stepOf(step, [mixed, even], alpha));
    assert.deepStrictEqual(findingsOn(faded, fading), []);
    const seen = { ...mixed, perception: "0110" };
    const totals = (alpha: number) =>
      findingsOn(
        steps.flatMap(([step, right]) => stepOf(step, [seen, even], step === 4 ? alpha : right)),
        fading,
      ).filter((finding) => finding.includes("rewards.total"));
    assert.strictEqual(totals(0.125).length, 0);
    assert.strictEqual(totals(0.5).length, 4);
  });
});

describe("advantages", () => {
  const other = (advantages: ReadonlyArray<number | null>): Group => ({ ...mixed, advantages });
  it("are what the rewards give", () => {
    isOne(
      alone([other([half, -half, -half, 0.9]), even]),
      /group 0, sample 3: advantage .*, 0\.9$/u,
    );
    assert.deepStrictEqual(
      alone([other([0.999998, -0.999998, -0.999998, 0.999998]), even], { std: "population" }),
      [],
    );
    assert.deepStrictEqual(alone([other([0.5, -0.5, -0.5, 0.5]), even], { normalize: "none" }), []);
  });
  it("are normalised per reward with `per_reward`, then over the step", () => {
    // Apart: ±h for each reward, by halves; samples 0 and 3 get h, 1 and 2 lose it. Over the eight: √(4h²/7).
    const apart = { ...mixed, advantages: [1.322874, -1.322874, -1.322874, 1.322874] };
    assert.deepStrictEqual(alone([apart, even], { per_reward: true }), []);
    assert.isAbove(alone([mixed, even], { per_reward: true }).length, 0);
  });
  it("are α and 1−α times the advantages of p and a with span credit", () => {
    const apart = { ...mixed, perception: "0110" };
    // α = 0.25; a is 1, 0, 0, 1 and p the opposite.
    const [caption, rest] = [0.216506, 0.649518];
    const spans = stepOf(1, [{ ...apart, advantages: [rest, -rest, -rest, rest] }, even], 0.25).map(
      (rollout, index) => ({
        ...rollout,
        caption_advantage: [-caption, caption, caption, -caption, 0, 0, 0, 0][index]!,
      }),
    );
    const span = { credit: "span", alpha: 0.25, steps: 1, record_every: 1 } as const;
    assert.deepStrictEqual(findingsOn(spans, span), []);
    const forged = spans.map((rollout, index) =>
      index === 2 ? { ...rollout, caption_advantage: 0.5 } : rollout,
    );
    isOne(findingsOn(forged, span), /sample 2: caption_advantage .*: 0\.2165\d*, 0\.5$/u);
    const { caption_advantage: _, ...bare } = spans[0]!;
    isOne(findingsOn([bare, ...spans.slice(1)], span), /group 0 has some advantages/u);
  });
  it("exist for every group if none is dropped", () => {
    isOne(alone([mixed, dropped]), /^step 1, group 1 has no advantages/u);
    isOne(
      alone([other([null, -half, -half, half]), even]),
      /^step 1, group 0 has some advantages/u,
    );
  });
});

describe("dynamic sampling", () => {
  const drop = { dynamic_sampling: { kind: "drop" } } as const;
  const refill = { dynamic_sampling: { kind: "refill", waves: 3 } } as const;
  const unlearned = { ...mixed, advantages: dropped.advantages };
  it("drops groups with equal rewards, and no others", () => {
    assert.deepStrictEqual(alone([mixed, dropped], drop), []);
    isOne(alone([unlearned, dropped], drop), /^step 1, group 0 has no advantages/u);
  });
  it("samples until enough groups differ, and no further", () => {
    assert.deepStrictEqual(alone([mixed, mixed], refill), []);
    assert.deepStrictEqual(alone([dropped, mixed, mixed, unlearned], refill), []);
    assert.deepStrictEqual(alone([mixed, dropped, dropped, dropped, dropped, dropped], refill), []);
    isOne(
      alone([mixed, dropped], refill),
      /sampled too little: 2 groups with different rewards, 1 of 3/u,
    );
    isOne(alone([mixed, mixed, unlearned, dropped], refill), /sampled too much/u);
    isOne(alone([dropped, mixed, mixed, mixed], refill), /group 3 has advantages although/u);
    isOne(alone([mixed, dropped, mixed], refill), /^step 1, group 3 this group is missing/u);
  });
});

describe("prompts", () => {
  const truth = { task: "sudoku", ground_truth: "{}", perception: "{}" };
  const examples = new Map([0, 1, 2, 3].map((row) => [`train_rl-${row}`, truth]));
  const slots = (others: Partial<GrpoParams>, places: ReadonlyArray<readonly [number, number]>) => {
    const sampled = { ids: [...examples.keys()], version: 1, resumedFrom: undefined };
    const expected = expectedOfGrpo({ ...params, ...others }, sampled);
    return places.map(([step, group]) => expected.slot(step, group));
  };
  it("of a stream follow the order of the split; unused waves are skipped", () => {
    const at = (id: string): Slot => ({ mode: "end-to-end", id: `train_rl-${id}` });
    assert.deepStrictEqual(
      slots({}, [
        [1, 0],
        [1, 1],
        [2, 0],
      ]),
      [at("0"), at("1"), at("2")],
    );
    const refill = { dynamic_sampling: { kind: "refill", waves: 2 } } as const;
    assert.deepStrictEqual(
      slots(refill, [
        [1, 0],
        [1, 3],
      ]),
      [at("0"), at("3")],
    );
  });
  it("of a split occur once in each pass", () => {
    const round = (number: number): Slot => ({ mode: "end-to-end", round: number });
    assert.deepStrictEqual(
      slots({ prompts: "split" }, [
        [1, 0],
        [2, 1],
        [3, 0],
      ]),
      [round(0), round(0), round(1)],
    );
    const findings: Array<string> = [];
    const check = checkOf(
      { prompts: "split", record_every: 1, steps: 1 },
      (finding) => findings.push(finding),
      { split: examples },
    );
    for (const rollout of stepOf(1, [mixed, even])) check.add({ ...rollout, id: "train_rl-3" });
    check.end();
    assert.match(findings.join("\n"), /step 1, group 1 repeats an example: .*, train_rl-3$/mu);
  });
});
