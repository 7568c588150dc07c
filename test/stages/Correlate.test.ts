/** `correlate` on rollouts with known answers, across checkpoints, and on invalid rollouts. */
import { assert, describe, it } from "@effect/vitest";
import zlib from "node:zlib";
import type { Estimate } from "../../schemas/Correlation.ts";
import type { Rollout } from "../../kinds/Rollouts.ts";
import { correlate, type Files, jsonl, rollout, run } from "./correlating.ts";

/** Rollouts with the counts of a 2×2 table, in groups of four. */
const ofTable = (both: number, onlyOutcome: number, onlyTarget: number, neither: number) =>
  [
    ...Array(both).fill([true, true]),
    ...Array(onlyOutcome).fill([true, false]),
    ...Array(onlyTarget).fill([false, true]),
    ...Array(neither).fill([false, false]),
  ].map(([outcome, target]: [boolean, boolean], index) => {
    const [group, sample] = [index % 5, Math.floor(index / 5)];
    return rollout({
      id: `p${group}`,
      group,
      sample,
      outcome,
      perception: target,
      consistent: !target,
    });
  });

describe("of a 2×2 table", () => {
  // (n · both − row · column) / sqrt(of the product of the four totals)
  const phi = (100 * 40 - 50 * 55) / Math.sqrt(50 * 50 * 55 * 45);

  it("gives the counts, phi and its bounds", async () => {
    const { association } = await correlate(ofTable(40, 10, 15, 35));
    const seen = association("outcome", "perception");
    assert.closeTo(seen.pooled.value ?? 9, phi, 1e-12);
    assert.deepInclude(seen.table, { both: 40, only_reward: 10, only_target: 15, neither: 35 });
    assert.closeTo(seen.table?.phi_max ?? 9, Math.sqrt(45 / 55), 1e-12);
    assert.deepInclude(seen, { rollouts: 100, prompts: 5 });
    // Reasoning was made the negation of perception: the cells swap, phi turns.
    const reasoned = association("outcome", "reasoning");
    assert.deepInclude(reasoned.table, { both: 10, only_reward: 40, only_target: 35, neither: 15 });
    assert.closeTo(reasoned.pooled.value ?? 9, -phi, 1e-12);
  });

  it("a perfect correlation is 1, and has no interval", async () => {
    const { association } = await correlate(ofTable(30, 0, 0, 20));
    const { pooled, group_centred } = association("outcome", "perception");
    for (const { value, low, reason } of [pooled, group_centred]) {
      assert.strictEqual(value, 1);
      assert.isNull(low);
      assert.match(reason ?? "", /same in every resample/u);
    }
  });
});

describe("without variation there is a reason and no number", () => {
  const reasonOf = ({ value, low, high, reason }: Estimate): string => {
    assert.deepStrictEqual([value, low, high], [null, null, null]);
    return reason ?? "";
  };

  it("a constant outcome, a constant perception", async () => {
    const lines = [0, 1, 2, 3].map((index) =>
      rollout({
        id: `p${index % 2}`,
        group: index % 2,
        sample: index,
        outcome: true,
        consistent: index > 1,
      }),
    );
    const { association, point } = await correlate(lines);
    const reasoned = association("outcome", "reasoning");
    assert.match(reasonOf(reasoned.pooled), /the outcome is the same in every rollout/u);
    assert.match(reasonOf(reasoned.group_centred), /the outcome does not vary within any group/u);
    assert.match(reasonOf(reasoned.prompt_means), /every prompt has the same mean of the outcome/u);
    assert.match(reasonOf(point.contrasts[0]!.pooled), /the outcome is the same/u);
    assert.deepInclude(reasoned.table, { both: 2, only_reward: 2, phi_min: null, phi_max: null });
    const turned = lines.map((line) => ({ ...line, outcome: line.consistent }));
    const seen = (await correlate(turned)).association("outcome", "perception");
    assert.match(reasonOf(seen.pooled), /perception is the same in every rollout/u);
  });

  it("no counterfactual rollouts", async () => {
    const { association, point } = await correlate(ofTable(3, 2, 2, 3));
    const forced = association("outcome", "counterfactual");
    assert.match(reasonOf(forced.prompt_means), /no counterfactual rollouts/u);
    assert.match(reasonOf(forced.pooled), /no pair/u);
    assert.isNull(forced.table);
    assert.strictEqual(forced.prompts, 0);
    assert.match(reasonOf(point.means.counterfactual), /no counterfactual rollouts/u);
  });

  it("one prompt has correlations, but no intervals and no mean to compare", async () => {
    const { association } = await correlate(
      ofTable(3, 2, 2, 3).map((line, sample) => ({ ...line, id: "p", group: 0, sample })),
    );
    const { pooled, group_centred, prompt_means } = association("outcome", "perception");
    assert.isNumber(pooled.value);
    assert.closeTo(pooled.value ?? 9, group_centred.value ?? -9, 1e-12);
    assert.isNull(pooled.low);
    assert.match(pooled.reason ?? "", /two clusters/u);
    assert.match(reasonOf(prompt_means), /fewer than two prompts/u);
  });

  it("groups of one have nothing within them", async () => {
    const lines = ofTable(3, 2, 2, 3).map((line, group) => ({ ...line, id: `p${group}`, group }));
    const { pooled, group_centred, prompt_means } = (await correlate(lines)).association(
      "outcome",
      "perception",
    );
    assert.match(reasonOf(group_centred), /does not vary within any group/u);
    assert.strictEqual(pooled.value, prompt_means.value);
  });

  it("a graded reward that varies only by rounding is constant", async () => {
    const lines = ofTable(9, 5, 7, 9).map((line) => ({ ...line, rewards: { teacher_f1: 0.7 } }));
    const { association } = await correlate(lines);
    const { pooled, group_centred, prompt_means, table } = association("teacher_f1", "perception");
    assert.match(reasonOf(pooled), /teacher_f1 is the same in every rollout/u);
    assert.match(reasonOf(group_centred), /teacher_f1 does not vary/u);
    assert.match(reasonOf(prompt_means), /same mean of teacher_f1/u);
    assert.isNull(table);
  });

  it("prompt means that differ only by rounding are equal", async () => {
    const of = (...rewards: ReadonlyArray<ReadonlyArray<number>>) =>
      correlate(
        rewards.flatMap((own, group) =>
          own.map((teacher_f1, sample) =>
            rollout({
              id: `p${group}`,
              group,
              sample,
              perception: sample <= group,
              rewards: { teacher_f1 },
            }),
          ),
        ),
      );
    const same = await of([0.1, 0.2, 0.3], [0.2, 0.2, 0.2], [0.3, 0.1, 0.2]);
    const { pooled, prompt_means } = same.association("teacher_f1", "perception");
    assert.isNumber(pooled.value);
    assert.match(reasonOf(prompt_means), /every prompt has the same mean of teacher_f1/u);
    const others = await of([0.1, 0.2, 0.3], [0.2, 0.2, 0.2 + 1e-12], [0.3, 0.1, 0.2 + 2e-12]);
    const told = others.association("teacher_f1", "perception").prompt_means.value;
    assert.closeTo(told ?? 9, 1, 1e-3);
  });
});

describe("across checkpoints", () => {
  /** A checkpoint that gets the first so many of twenty prompts right, and sees the last so many. */
  const checkpoint = (right: number, seen: number): Files => ({
    "rollouts.jsonl": jsonl(
      Array.from({ length: 20 }, (_, prompt) =>
        rollout({
          id: `p${prompt}`,
          group: prompt,
          outcome: prompt < right,
          perception: prompt >= 20 - seen,
        }),
      ),
    ),
  });
  const across = async (...shares: ReadonlyArray<readonly [number, number]>) => {
    const { made } = await run(
      shares.map(([right, seen], index) => [{ run: `${index}` }, checkpoint(right, seen)] as const),
    );
    return made.across.find(({ target }) => target === "perception") ?? assert.fail();
  };

  it("is Spearman's of their means, ties included", async () => {
    const rising = await across([2, 3], [8, 10], [16, 19]);
    assert.deepInclude(rising, { reward: "outcome", checkpoints: 3 });
    assert.strictEqual(rising.spearman.value, 1);
    assert.strictEqual((await across([2, 19], [8, 10], [16, 3])).spearman.value, -1);
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
    const tied = await across([2, 3], [8, 10], [8, 12], [16, 19]);
    assert.closeTo(tied.spearman.value ?? 9, 4.5 / Math.sqrt(4.5 * 5), 1e-12);
    assert.isNumber(tied.spearman.low);
  });

  it("takes three checkpoints, and means that differ", async () => {
    const two = await across([2, 3], [8, 10]);
    assert.strictEqual(two.checkpoints, 2);
    assert.match(two.spearman.reason ?? "", /three checkpoints, here are 2/u);
    const same = await across([5, 3], [5, 10], [5, 12]);
    assert.isNull(same.spearman.value);
    assert.match(same.spearman.reason ?? "", /every checkpoint has the same mean of outcome/u);
  });

  it("checkpoints share their resamples: nested answers keep their order in each", async () => {
    const nested = await across([6, 6], [8, 8], [10, 10], [12, 12]);
    assert.strictEqual(nested.spearman.value, 1);
    assert.isAtLeast(nested.spearman.low ?? -9, 0);
  });

  it("points keep their labels", async () => {
    const { made, csv } = await run([
      [{ alpha: "0", seed: 'x,"1"' }, checkpoint(3, 5)],
      [{ alpha: "0.5", seed: "2" }, checkpoint(5, 5)],
    ]);
    assert.deepStrictEqual(made.axes, ["alpha", "seed"]);
    const lines = csv.trimEnd().split("\r\n");
    assert.isTrue(lines[0]?.startsWith("alpha,seed,reward,target,reading,value,low,high,rollouts"));
    assert.isTrue(lines[1]?.startsWith('0,"x,""1""",outcome,perception,pooled,'));
    // Two checkpoints, each three targets and the contrast in three readings; three targets across.
    assert.strictEqual(lines.length, 1 + 2 * 12 + 3);
    for (const line of lines)
      assert.strictEqual(line.replaceAll(/"(?:[^"]|"")*"/gu, "x").split(",").length, 18, line);
  });
});

const failure = (...args: Parameters<typeof run>): Promise<string> =>
  run(...args).then(
    () => assert.fail("it succeeded"),
    (error: Error) => error.message,
  );

describe("invalid rollouts", () => {
  const good = jsonl([rollout({})]);

  it("are named by their line", async () => {
    const bad = { ...rollout({}), outcome: 1 } as unknown as Rollout;
    const message = await failure([[{ seed: "3" }, { "rollouts.jsonl": good + jsonl([bad]) }]]);
    assert.match(message, /^seed=3: rollouts\.jsonl:2: .*boolean/su);
    assert.match(message, /outcome/u);
    const cut = await failure([[{}, { "rollouts.jsonl": `${good}{"id":` }]]);
    assert.match(cut, /^rollouts\.jsonl:2: /u);
  });

  it("a group with two prompts is refused", async () => {
    const lines = jsonl([rollout({ id: "a" }), rollout({ id: "b", sample: 1 })]);
    const message = await failure([[{}, { "rollouts.jsonl": lines }]]);
    assert.match(message, /:2: group 0 of step 0 has two prompts, a and b/u);
  });

  it("a repeated rollout is refused by its second line", async () => {
    const lines = [
      rollout({ id: "a" }),
      rollout({ id: "a", sample: 1 }),
      rollout({ id: "a", mode: "counterfactual" }),
      rollout({ id: "a", step: 1 }),
      rollout({ id: "b", group: 1 }),
    ];
    assert.deepInclude((await correlate(lines)).point.rollouts, { end_to_end: 4 });
    for (const [index, what] of [
      "the end-to-end sample 0 of a in group 0 of step 0",
      "the end-to-end sample 1 of a in group 0 of step 0",
      "the counterfactual sample 0 of a in group 0 of step 0",
      "the end-to-end sample 0 of a in group 0 of step 1",
      "the end-to-end sample 0 of b in group 1 of step 0",
    ].entries()) {
      const again = { "rollouts.jsonl": jsonl([...lines, lines[index] ?? assert.fail()]) };
      assert.strictEqual(
        await failure([[{ seed: "3" }, again]]),
        `seed=3: rollouts.jsonl:6: ${what} occurs twice`,
      );
    }
    // A file laid behind itself, in any order.
    const twice = { "rollouts.jsonl": jsonl([...lines, ...lines.toReversed()]) };
    assert.match(await failure([[{}, twice]]), /^rollouts\.jsonl:6: .* occurs twice$/u);
  });

  it("negative steps, groups and samples are refused", async () => {
    for (const wrong of [{ step: -1 }, { step: 0.5 }, { group: -1 }, { sample: -1 }]) {
      const lines = good + jsonl([rollout({ id: "b", ...wrong })]);
      const message = await failure([[{}, { "rollouts.jsonl": lines }]]);
      assert.match(message, /^rollouts\.jsonl:2: /u);
      assert.include(message, Object.keys(wrong)[0]!);
    }
  });

  it("no rollouts, or none end to end, are refused", async () => {
    assert.match(await failure([[{}, {}]]), /no rollouts\.jsonl/u);
    const forced = { "rollouts.jsonl": jsonl([rollout({ mode: "counterfactual" })]) };
    assert.match(await failure([[{}, forced]]), /no end-to-end rollouts$/u);
    const steps = { first: 5, last: 6 };
    const message = await failure([[{}, { "rollouts.jsonl": good }]], { steps });
    assert.match(message, /no end-to-end rollouts of the steps 5 to 6/u);
  });

  it("a truncated gzip file is refused", async () => {
    const packed = zlib.gzipSync(
      jsonl(Array.from({ length: 1000 }, (_, sample) => rollout({ sample }))),
    );
    const cut = { "rollouts.jsonl.gz": packed.subarray(0, packed.length - 20) };
    assert.match(await failure([[{}, cut]]), /unexpected end of file/u);
  });
});
