/** A page's comparisons: the numbers of the run's table, and its baseline, primary contrasts and Holm's p-values. */
import { assert, describe, it } from "@effect/vitest";
import { accuracies } from "../../stats/accuracies.ts";
import { Random } from "../../stats/Random.ts";
import { contrastsOf } from "../../stages/contrasts.ts";
import type { Table } from "../../kinds/TableFile.ts";
import { comparisonsOf } from "../../report/analysis/comparisons.ts";
import { verdictOf } from "../../report/analysis/verdict.ts";
import type { RunData, ScoredPoint } from "../../report/ReportData.ts";

const random = Random.of("contrasts", 1);
const chances = { worst: 0.2, token: 0.4, near: 0.5, best: 0.9 };
const losses = Object.keys(chances) as ReadonlyArray<keyof typeof chances>;

const points = losses.flatMap((loss) =>
  [0, 1, 2, 3, 4].map((seed): ScoredPoint => {
    const answers = Array.from({ length: 60 }, (_, index) => ({
      id: `test-${index}`,
      instance: String(index % 25),
      mode: "end-to-end" as const,
      outcome: random.uniform() < chances[loss],
      perception: random.uniform() < chances[loss],
      perception_f1: 1,
      consistent: true,
      reason: null,
      example: `data/test-${index}`,
      response: undefined,
    }));
    return { node: `scores[${loss},${seed}]`, labels: { loss, seed: String(seed) }, answers };
  }),
);

const contrasts = contrastsOf(
  points.map(({ labels, answers }) => ({ labels, scores: answers })),
  ["seed"],
  {
    axis: "loss",
    baseline: "token",
    arms: ["near", "best"],
    metric: "a_p",
    secondary: ["a"],
  },
);

const comparison = (table: Partial<Table>, answered = points) => {
  const row = (of: ReadonlyArray<ScoredPoint>, labels: ScoredPoint["labels"]) => ({
    labels,
    points: of.length,
    ...accuracies(of.map(({ answers }) => answers)),
    perception_f1: null,
    reasons: {},
  });
  const whole: Table = {
    format: 2,
    interval: "clustered Wilson 95 %",
    axes: ["loss", "seed"],
    pooledOver: ["seed"],
    rows: points.map((point) => row([point], point.labels)),
    pooled: losses.map((loss) =>
      row(
        points.filter(({ labels }) => labels["loss"] === loss),
        { loss },
      ),
    ),
    ...table,
  };
  const numbers = { json: { table: whole }, text: () => "", claims: () => ({ numbers: [] }) };
  const run = {
    run: "study-1",
    points: answered,
    numbers: [
      { node: "table", numbers, from: points.map(({ labels, node }) => ({ labels, node })) },
    ],
  };
  const [found] = comparisonsOf({ runs: [run as unknown as RunData], examples: new Map() });
  return found!;
};

const named = comparison({ contrasts });

const numberOf = ({ contrasts: found }: typeof named, arm: string, metric: string) => {
  const { value, range } = found.find((each) => each.arm === arm && each.metric === metric)!;
  return [value, range?.low ?? null, range?.high ?? null];
};

describe("a report's comparisons", () => {
  it("have the numbers of the table, with and without the answers", () => {
    const withoutAnswers = comparison({ contrasts }, []);
    for (const { arm, metric, value, low, high } of contrasts)
      for (const found of [named, withoutAnswers])
        assert.deepStrictEqual(numberOf(found, arm, metric), [value, low, high]);
  });

  it("compute what the table does not name as the table would", () => {
    const unnamed = comparison({
      contrasts: contrasts.filter(({ metric }) => metric === "a_p"),
    });
    for (const { arm, metric, value, low, high } of contrasts)
      assert.deepStrictEqual(numberOf(unnamed, arm, metric), [value, low, high]);
  });

  it("take the named baseline, else the first arm", () => {
    assert.strictEqual(named.baseline, "token");
    assert.strictEqual(comparison({}).baseline, "worst");
  });

  it("mark as good as the best only arms whose answers can be compared with its own", () => {
    const marked = ({ best }: typeof named) => [...best.get("a")!].map(({ name }) => name);
    assert.deepStrictEqual(marked(named), ["best"]);
    // As rows by difficulty, whose instances are others.
    assert.deepStrictEqual(marked(comparison({}, [])), ["best"]);
  });

  it("judge by the primary contrasts and Holm's p-values alone", () => {
    const judged = verdictOf(
      comparison({
        contrasts: contrasts.map((each) => ({ ...each, p_holm: each.primary ? 0.06 : null })),
      }),
    )[0]!;
    assert.match(judged, /^Against token, no difference in a_p is shown for near .* and best /u);
    assert.match(verdictOf(named)[0]!, /best \(\+0\.\d+ \[.*\]\) gains in a_p/u);
    assert.notInclude(verdictOf(named)[0], "worst");
    assert.include(verdictOf(named)[1], "Holm's p-value over these 2 contrasts");
  });
});
