/** What `correlate` says of rollouts with known answers, and of any rollouts what plain formulas over all of them say. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import {
  Correlations,
  type Estimate,
  type Reading,
  type Target,
} from "../../schemas/Correlation.ts";
import type { Rollout } from "../../schemas/Rollout.ts";
import { Correlate } from "../../stages/Correlate.ts";
import type { FanInElement, StageContext } from "../../stages/Stage.ts";
import { bootstrapInterval } from "../../stats/bootstrapInterval.ts";
import { pearson } from "../../stats/pearson.ts";
import { Random } from "../../tasks/Random.ts";

const rollout = (parts: Partial<Rollout>): Rollout => ({
  id: "p0",
  group: 0,
  step: 0,
  sample: 0,
  mode: "end-to-end",
  response: "",
  tokens: 1,
  outcome: false,
  perception: false,
  perception_f1: 0,
  consistent: false,
  reason: null,
  rewards: {},
  advantage: null,
  ...parts,
});

const jsonl = (lines: ReadonlyArray<Rollout>): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");

interface Options {
  readonly resamples?: number;
  readonly seed?: number;
  readonly steps?: { readonly first: number; readonly last: number };
}

type Files = Readonly<Record<string, string | Uint8Array>>;

/** Runs the stage over elements of a fan-in, given as what lies in their directories. */
const run = async (
  elements: ReadonlyArray<readonly [labels: FanInElement["labels"], files: Files]>,
  { resamples = 100, seed = 0, ...options }: Options = {},
) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-correlate-"));
  try {
    const rollouts = elements.map(([labels, files], index): FanInElement => {
      const element = path.join(directory, String(index));
      fs.mkdirSync(element);
      for (const [name, content] of Object.entries(files))
        fs.writeFileSync(path.join(element, name), content);
      const artifact = { digest: String(index), kind: "rollouts", files: [], bytes: 0 } as const;
      return { labels, directory: element, artifact };
    });
    const output = path.join(directory, "out");
    fs.mkdirSync(output);
    const context = {
      params: { resamples, seed, ...options },
      inputs: { rollouts },
      output,
      report: () => Effect.void,
    } as unknown as StageContext<never>;
    await Effect.runPromise(Correlate.run(context) as unknown as Effect.Effect<unknown, Error>);
    const json = fs.readFileSync(path.join(output, "correlations.json"), "utf8");
    return {
      json,
      made: Schema.decodeUnknownSync(Schema.fromJsonString(Correlations))(json),
      csv: fs.readFileSync(path.join(output, "correlations.csv"), "utf8"),
    };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
};

/** Of one checkpoint. */
const correlate = async (lines: ReadonlyArray<Rollout>, options?: Options) => {
  const { made, ...rest } = await run([[{}, { "rollouts.jsonl": jsonl(lines) }]], options);
  const point = made.points[0] ?? assert.fail();
  const association = (reward: string, target: Target) =>
    point.associations.find((each) => each.reward === reward && each.target === target) ??
    assert.fail(`nothing of ${reward} and ${target}`);
  return { ...rest, made, point, association };
};

const failure = (...args: Parameters<typeof run>): Promise<string> =>
  run(...args).then(
    () => assert.fail("it succeeded"),
    (error: Error) => error.message,
  );

/** As many rollouts as the table says, dealt out to groups of four. */
const ofTable = (both: number, onlyOutcome: number, onlyTarget: number, neither: number) =>
  [
    ...Array(both).fill([true, true]),
    ...Array(onlyOutcome).fill([true, false]),
    ...Array(onlyTarget).fill([false, true]),
    ...Array(neither).fill([false, false]),
  ].map(([outcome, target]: [boolean, boolean], index) => {
    const group = index % 5;
    return rollout({ id: `p${group}`, group, outcome, perception: target, consistent: !target });
  });

describe("of a 2×2 table", () => {
  // (n · both − row · column) / sqrt(of the product of the four totals)
  const phi = (100 * 40 - 50 * 55) / Math.sqrt(50 * 50 * 55 * 45);

  it("gives the counts, phi and how far phi can go", async () => {
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

describe("where nothing varies there is a reason and no number", () => {
  const reasonOf = ({ value, low, high, reason }: Estimate): string => {
    assert.deepStrictEqual([value, low, high], [null, null, null]);
    return reason ?? "";
  };

  it("a constant outcome, a constant perception", async () => {
    const lines = [0, 1, 2, 3].map((index) =>
      rollout({ id: `p${index % 2}`, group: index % 2, outcome: true, consistent: index > 1 }),
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
      ofTable(3, 2, 2, 3).map((line) => ({ ...line, id: "p", group: 0 })),
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

  it("a graded reward that is one number but for rounding is constant", async () => {
    const lines = ofTable(9, 5, 7, 9).map((line) => ({ ...line, rewards: { teacher_f1: 0.7 } }));
    const { association } = await correlate(lines);
    const { pooled, group_centred, prompt_means, table } = association("teacher_f1", "perception");
    assert.match(reasonOf(pooled), /teacher_f1 is the same in every rollout/u);
    assert.match(reasonOf(group_centred), /teacher_f1 does not vary/u);
    assert.match(reasonOf(prompt_means), /same mean of teacher_f1/u);
    assert.isNull(table);
  });
});

/** Prompts of different difficulty over three steps; some rollouts lack the teacher; some prompts were also forced. */
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

/** The same by looking at every rollout: pairs of a reading, from which Pearson's follows. */
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
  it("every number is that of the plain formula over all of them", async () => {
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

  it("every interval is that of a bootstrap of the rollouts themselves", async () => {
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

  it("neither the order of the lines nor packing them matters, another seed changes intervals alone", async () => {
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
  });

  it("only the steps asked for count", async () => {
    const lines = study(7);
    const some = lines.filter((line) => line.step >= 1);
    const steps = { first: 1, last: 2 };
    const asked = await correlate(lines, { steps });
    assert.deepStrictEqual(asked.point, (await correlate(some)).point);
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

  it("checkpoints draw the same prompts: where all is got right that was before, no resample turns the order", async () => {
    const nested = await across([6, 6], [8, 8], [10, 10], [12, 12]);
    assert.strictEqual(nested.spearman.value, 1);
    assert.isAtLeast(nested.spearman.low ?? -9, 0);
  });

  it("points keep their labels, and models are named", async () => {
    const model = { "model.json": '{"description":"a micro model"}' };
    const { made, csv } = await run([
      [
        { alpha: "0", seed: 'x,"1"' },
        { ...checkpoint(3, 5), ...model },
      ],
      [
        { alpha: "0.5", seed: "2" },
        { ...checkpoint(5, 5), ...model },
      ],
    ]);
    assert.deepStrictEqual(made.axes, ["alpha", "seed"]);
    assert.deepStrictEqual(made.models, ["a micro model"]);
    const lines = csv.trimEnd().split("\r\n");
    assert.isTrue(lines[0]?.startsWith("alpha,seed,reward,target,reading,value,low,high,rollouts"));
    assert.isTrue(lines[1]?.startsWith('0,"x,""1""",outcome,perception,pooled,'));
    // Two checkpoints, each three targets and the contrast in three readings; three targets across.
    assert.strictEqual(lines.length, 1 + 2 * 12 + 3);
    for (const line of lines)
      assert.strictEqual(line.replaceAll(/"(?:[^"]|"")*"/gu, "x").split(",").length, 18, line);
  });
});

describe("what can't be read", () => {
  const good = jsonl([rollout({})]);

  it("is named by its line", async () => {
    const bad = { ...rollout({}), outcome: 1 } as unknown as Rollout;
    const message = await failure([[{ seed: "3" }, { "rollouts.jsonl": good + jsonl([bad]) }]]);
    assert.match(message, /^seed=3: rollouts\.jsonl:2: .*boolean/su);
    assert.match(message, /outcome/u);
    const cut = await failure([[{}, { "rollouts.jsonl": `${good}{"id":` }]]);
    assert.match(cut, /^rollouts\.jsonl:2: /u);
  });

  it("a group of two prompts is no group", async () => {
    const lines = jsonl([rollout({ id: "a" }), rollout({ id: "b", sample: 1 })]);
    const message = await failure([[{}, { "rollouts.jsonl": lines }]]);
    assert.match(message, /:2: group 0 of step 0 has two prompts, a and b/u);
  });

  it("nothing, or nothing end to end, is said so", async () => {
    assert.match(await failure([[{}, {}]]), /no rollouts\.jsonl/u);
    const forced = { "rollouts.jsonl": jsonl([rollout({ mode: "counterfactual" })]) };
    assert.match(await failure([[{}, forced]]), /no end-to-end rollouts$/u);
    const steps = { first: 5, last: 6 };
    const message = await failure([[{}, { "rollouts.jsonl": good }]], { steps });
    assert.match(message, /no end-to-end rollouts of the steps 5 to 6/u);
  });

  it("a packed file that is cut says so", async () => {
    const packed = zlib.gzipSync(good.repeat(1000));
    const cut = { "rollouts.jsonl.gz": packed.subarray(0, packed.length - 20) };
    assert.match(await failure([[{}, cut]]), /unexpected end of file/u);
  });
});
