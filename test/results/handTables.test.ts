/** The tables under docs/results that were written by hand, recomputed from the lines beside them. */
import { assert, describe, it } from "@effect/vitest";
import { drawnInstances } from "./drawnInstances.ts";
import { linesOf, mean, overSeeds, rowOf, short } from "./handTable.ts";

type Labels = Readonly<Record<string, string>>;

const metrics = ["a", "a_p", "a_r"] as const;
type Metric = (typeof metrics)[number];

interface Answer extends Readonly<Record<Metric, number>> {
  readonly labels: Labels;
  readonly id: string;
}

/** The mean of a metric for each seed, over the answers with these labels. */
const bySeed = (answers: ReadonlyArray<Answer>, metric: Metric, labels: Labels) => {
  const named = answers.filter((answer) =>
    Object.entries(labels).every(([axis, label]) => answer.labels[axis] === label),
  );
  const seeds = Map.groupBy(named, (answer) => answer.labels["seed"]);
  return [...seeds.values()].map((own) => mean(own.map((answer) => answer[metric])));
};

const minus = (these: ReadonlyArray<number>, those: ReadonlyArray<number>) =>
  these.map((value, index) => value - those[index]!);

describe("rl-longer-limit", () => {
  const page = "rl-longer-limit";
  const drawn = drawnInstances(page, "test", 1000);
  const studies = [
    ["rl-costly-errors", "reward"],
    [page, "arm"],
  ].map(([study, axis]) => ({ answers: linesOf<Answer>(study!, "table.scores"), axis: axis! }));

  /** α = 0.5 minus α = 0 by seed in each study, over the puzzles with so many blanks, or all. */
  const differences = (metric: Metric, blanks?: number) =>
    studies.map(({ answers, axis }) => {
      const own = answers.filter(
        ({ id }) => blanks === undefined || drawn.get(id)?.difficulty === blanks,
      );
      return minus(
        bySeed(own, metric, { [axis]: "α=0.5" }),
        bySeed(own, metric, { [axis]: "α=0" }),
      );
    });

  it.each(metrics)("%s over twelve seeds", (metric) => {
    const [costly, longer] = differences(metric) as [Array<number>, Array<number>];
    const both = [...costly, ...longer];
    assert.deepStrictEqual(rowOf(page, "α = 0.5 minus α = 0 |", metric), [
      overSeeds(costly, true),
      overSeeds(longer, true),
      overSeeds(both, true),
      `${both.filter((value) => value < 0).length} of 12`,
    ]);
  });

  it.each([8, 9, 10])("%d blanks", (blanks) => {
    const puzzles = [...drawn.values()].filter(({ difficulty }) => difficulty === blanks).length;
    assert.deepStrictEqual(
      rowOf(page, "α = 0.5 minus α = 0, twelve", `${blanks} blanks, ${puzzles} puzzles`),
      metrics.map((metric) => overSeeds(differences(metric, blanks).flat(), true)),
    );
  });

  it("ten blanks minus eight", () => {
    assert.deepStrictEqual(
      rowOf(page, "α = 0.5 minus α = 0, twelve", "10 minus 8"),
      metrics.map((metric) =>
        overSeeds(minus(differences(metric, 10).flat(), differences(metric, 8).flat()), true),
      ),
    );
  });
});

describe("sft-lambda-sudoku", () => {
  const page = "sft-lambda-sudoku";
  const answers = linesOf<Answer>(page, "table.scores");
  const cases = ["λ=0.3", "λ=0.5", "NGDiff"].flatMap((loss) =>
    metrics.map((metric) => ({ loss, metric })),
  );

  // the lines of the first run are in the git history
  it.each(cases)("$loss, $metric over two runs", ({ loss, metric }) => {
    const [first = "", eleven] = rowOf(page, "minus token |", `${loss}, ${metric}`);
    const here = minus(
      bySeed(answers, metric, { loss }),
      bySeed(answers, metric, { loss: "token" }),
    );
    const before = first.split(" ").map((text) => Number(text.replace("−", "-")));
    assert.strictEqual(before.length, 5);
    assert.strictEqual(overSeeds([...before, ...here], true), eleven);
  });
});

describe("rl-kl", () => {
  const answers = linesOf<Answer>("rl-kl", "table.scores");

  it.each(["0.01", "0.03", "0.05", "0.1"])("what α = 0.5 gains more with β = %s", (beta) => {
    const gain = (metric: Metric, kl: string) =>
      minus(
        bySeed(answers, metric, { kl, alpha: "0.5" }),
        bySeed(answers, metric, { kl, alpha: "0" }),
      );
    const more = (metric: Metric) => minus(gain(metric, `β=${beta}`), gain(metric, "none"));
    const [a_p, seeds, , , a, a_r] = rowOf("rl-kl", "β | a_p | by seed", beta);
    assert.strictEqual(
      seeds,
      more("a_p")
        .map((value) => short(value, true))
        .join(" "),
    );
    const means = [a, a_p, a_r].map((cell) => cell?.split(" ")[0]);
    assert.deepStrictEqual(
      means,
      metrics.map((metric) => short(mean(more(metric)), true)),
    );
  });
});

describe("sft-smollm2", () => {
  interface Step {
    readonly labels: Labels;
    readonly step: number;
    readonly values: Readonly<Record<string, number>>;
  }
  const steps = linesOf<Step>("sft-smollm2", "model.curves");

  it.each([
    [10, 30],
    [50, 100],
    [150, 200],
    [260, 300],
  ])("the course from step %d to %d", (first, last) => {
    const over = (loss: string, value: string) =>
      short(
        mean(
          steps
            .filter(({ labels, step }) => labels["loss"] === loss && step >= first && step <= last)
            .map(({ values }) => values[value]!),
        ),
      );
    assert.deepStrictEqual(
      rowOf("sft-smollm2", "steps | share of the tokens", `${first}–${last}`),
      [
        ...["token_share_p", "loss_share_p", "L_p", "L_r"].map((value) => over("token", value)),
        ...["lambda", "L_p", "L_r"].map((value) => over("NGDiff", value)),
      ],
    );
  });
});

describe("rl-surrogate-votes", () => {
  const page = "rl-surrogate-votes";
  interface Responses {
    readonly labels: Labels;
    readonly id: string;
    readonly mode: string;
    readonly outcome: number;
    readonly rewards: Readonly<Record<string, number>>;
    readonly times?: number;
  }
  const own = linesOf<Responses>(page, "diagnosis.rollouts")
    .filter(({ mode }) => mode === "end-to-end")
    .flatMap((line) => Array.from({ length: line.times ?? 1 }, () => line));
  const seeds = [...Map.groupBy(own, ({ labels }) => labels["seed"]).values()].map((lines) => [
    ...Map.groupBy(lines, ({ id }) => id).values(),
  ]);
  const over = (value: (group: ReadonlyArray<Responses>) => number) =>
    overSeeds(seeds.map((groups) => mean(groups.map(value))));

  it.each([1, 2, 4, 8, 16])("pass@%d", (k) => {
    /** The chance that k of the group's responses are all wrong. */
    const allWrong = (group: ReadonlyArray<Responses>) => {
      const wrong = group.filter(({ outcome }) => outcome === 0).length;
      return Array.from({ length: k }, (_, n) => (wrong - n) / (group.length - n)).reduce(
        (chance, each) => chance * Math.max(0, each),
        1,
      );
    };
    assert.deepStrictEqual(rowOf(page, "responses |", String(k)), [
      over((group) => 1 - allWrong(group)),
    ]);
  });

  it.each(["outcome", "perception", "vote", "blind_solve", "likelihood", "consensus"])(
    "the best of 16 by %s",
    (reward) => {
      const best = (group: ReadonlyArray<Responses>) => {
        const most = Math.max(...group.map(({ rewards }) => rewards[reward]!));
        return mean(
          group.filter(({ rewards }) => rewards[reward] === most).map(({ outcome }) => outcome),
        );
      };
      const differs = (group: ReadonlyArray<Responses>) =>
        new Set(group.map(({ rewards }) => rewards[reward])).size > 1 ? 1 : 0;
      assert.deepStrictEqual(rowOf(page, "reward | the greatest of 16", reward), [
        over(best),
        over(differs),
      ]);
    },
  );
});
