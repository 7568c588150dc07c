/** The coverage of the intervals of reward correlations, for prompts as GRPO samples them. */
import { assert, it } from "@effect/vitest";
import { CheckpointCorrelations } from "../../stats/CheckpointCorrelations.ts";
import { RolloutSums } from "../../stats/RolloutSums.ts";
import { Random } from "../../stats/Random.ts";

const pairs = [
  ["perception", "pooled"],
  ["perception", "group_centred"],
  ["perception", "prompt_means"],
  ["reasoning", "pooled"],
  ["reasoning", "group_centred"],
  ["counterfactual", "prompt_means"],
] as const;

/** Prompts of different difficulty in perception and reasoning, with eight responses each. */
const sample = (random: Random, prompts: number): RolloutSums => {
  const sums = new RolloutSums();
  for (let group = 0; group < prompts; group += 1) {
    const of = { id: `p${group}`, group, step: 0, rewards: {} };
    const [clear, easy] = [random.uniform(), random.uniform()];
    for (let response = 0; response < 8; response += 1) {
      const perception = random.uniform() < clear;
      const consistent = random.uniform() < easy;
      const outcome = consistent && (perception || random.uniform() < 0.3);
      const seen = { mode: "end-to-end", sample: response, perception, consistent } as const;
      sums.add({ ...of, ...seen, outcome });
    }
    for (let response = 0; response < 4; response += 1) {
      const outcome = random.uniform() < easy;
      const forced = { sample: response, perception: true, consistent: outcome };
      sums.add({ ...of, mode: "counterfactual", outcome, ...forced });
    }
  }
  return sums;
};

/** The correlations in `pairs`, and a contrast. */
const estimates = (of: CheckpointCorrelations) => {
  const { associations, contrasts } = of.point({});
  return [
    ...pairs.map(
      ([target, reading]) =>
        associations.find((each) => each.target === target)?.[reading] ?? assert.fail(),
    ),
    contrasts[0]?.group_centred ?? assert.fail(),
  ];
};

it("the intervals of 128 prompts cover the truth in about 95 % of samples", () => {
  const many = new CheckpointCorrelations(sample(Random.of("truth"), 50_000), 0);
  const truths = estimates(many).map(({ value }) => value ?? assert.fail());
  const held = truths.map(() => 0);
  const trials = 200;
  for (let trial = 0; trial < trials; trial += 1) {
    const some = new CheckpointCorrelations(sample(Random.of("coverage", trial), 128), trial);
    for (let drawn = 0; drawn < 300; drawn += 1) some.draw();
    estimates(some).forEach(({ low, high }, which) => {
      const truth = truths[which]!;
      if (low !== null && high !== null && low <= truth && truth <= high) held[which]! += 1;
    });
  }
  // Three standard errors of a share of 0.95 in 200 trials are 0.046.
  held.forEach((count, which) =>
    assert.closeTo(count / trials, 0.95, 0.046, pairs[which]?.join(" ") ?? "contrast"),
  );
});
