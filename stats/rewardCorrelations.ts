/** The statistics of one checkpoint's rollouts: each a question and the sums over prompts that answer it. */
import type { Reading, Target } from "../schemas/Correlation.ts";
import type { SumStatistic } from "./ClusterBootstrap.ts";
import { correlationAboutMeans, correlationOf } from "./moments.ts";
import { constantFirst, constantSecond } from "./pearson.ts";
import type { CentredColumns, PairColumns, PromptColumns, RewardColumns } from "./promptColumns.ts";

export type Question =
  | { readonly kind: "mean"; readonly target: Target }
  | { readonly kind: "mean"; readonly reward: string }
  | {
      readonly kind: "correlation";
      readonly reward: string;
      readonly target: Target;
      readonly reading: Reading;
    }
  /** The correlation with a kind of reasoning minus the correlation with perception. */
  | {
      readonly kind: "contrast";
      readonly reward: string;
      readonly target: Exclude<Target, "perception">;
      readonly reading: Reading;
    };

export const readings = ["pooled", "group_centred", "prompt_means"] as const;
export const targets = ["perception", "reasoning", "counterfactual"] as const;

export const questionsOf = (rewards: ReadonlyArray<string>): ReadonlyArray<Question> => [
  ...targets.map((target) => ({ kind: "mean", target }) as const),
  ...rewards.map((reward) => ({ kind: "mean", reward }) as const),
  ...rewards.flatMap((reward) =>
    readings.flatMap((reading): ReadonlyArray<Question> => [
      ...targets.map((target) => ({ kind: "correlation", reward, target, reading }) as const),
      { kind: "contrast", reward, target: "reasoning", reading },
    ]),
  ),
  ...rewards.map(
    (reward) =>
      ({ kind: "contrast", reward, target: "counterfactual", reading: "prompt_means" }) as const,
  ),
];

/** The statistic that answers a question about rewards in `columns`. */
export const statisticOf = (question: Question, columns: PromptColumns): SumStatistic => {
  if (question.kind === "mean")
    return "target" in question
      ? meanOfTarget(question.target, columns)
      : meanOfReward(question.reward, columns.rewards.get(question.reward)!);
  const { reward, reading } = question;
  const correlationWith = (target: Target) => correlation({ reward, target, reading }, columns);
  return question.kind === "correlation"
    ? correlationWith(question.target)
    : difference(correlationWith(question.target), correlationWith("perception"));
};

const meanOfTarget = (target: Target, { endToEnd, counterfactual }: PromptColumns): SumStatistic =>
  target === "counterfactual"
    ? ratio(counterfactual.right, counterfactual.rollouts, noCounterfactual)
    : ratio(endToEnd[target], endToEnd.rollouts, "there are no end-to-end rollouts");

const meanOfReward = (name: string, { sum, rollouts }: RewardColumns): SumStatistic =>
  ratio(sum, rollouts, `no end-to-end rollout has ${nounOf(name)}`);

const ratio = (sum: Float64Array, count: Float64Array, reason: string): SumStatistic => ({
  columns: [sum, count],
  value: (sums, start) => (sums[start + 1] === 0 ? reason : sums[start]! / sums[start + 1]!),
});

/** The first statistic minus the second. */
const difference = (first: SumStatistic, second: SumStatistic): SumStatistic => ({
  columns: [...first.columns, ...second.columns],
  value: (sums, start) => {
    const one = first.value(sums, start);
    if (typeof one === "string") return one;
    const other = second.value(sums, start + first.columns.length);
    return typeof other === "string" ? other : one - other;
  },
});

interface Names {
  readonly reward: string;
  readonly target: Target;
  readonly reading: Reading;
}

const noCounterfactual = "there are no counterfactual rollouts";

const correlation = (names: Names, columns: PromptColumns): SumStatistic => {
  const { target, reading } = names;
  const { pooled, centred, means } = columns.rewards.get(names.reward)!;
  if (target === "counterfactual")
    return reading === "prompt_means"
      ? ofCounterfactual(explained(ofPairs(means.counterfactual), names), columns)
      : undefinedBecause(
          "an end-to-end and a counterfactual response are no pair: only their prompts are",
        );
  if (reading === "group_centred") return explained(ofCentred(centred[target]), names);
  return explained(ofPairs((reading === "pooled" ? pooled : means)[target]), names);
};

const undefinedBecause = (reason: string): SumStatistic => ({ columns: [], value: () => reason });

const ofPairs = ({ n, x, y, xx, yy, xy }: PairColumns): SumStatistic => ({
  columns: [n, x, y, xx, yy, xy],
  value: (sums, start) =>
    correlationOf({
      n: sums[start]!,
      x: sums[start + 1]!,
      y: sums[start + 2]!,
      xx: sums[start + 3]!,
      yy: sums[start + 4]!,
      xy: sums[start + 5]!,
    }),
});

const ofCentred = ({ xx, yy, xy }: CentredColumns): SumStatistic => ({
  columns: [xx, yy, xy],
  value: (sums, start) => correlationAboutMeans(sums[start]!, sums[start + 1]!, sums[start + 2]!),
});

/** The same statistic, undefined where there are no counterfactual rollouts at all. */
const ofCounterfactual = (
  { columns, value }: SumStatistic,
  { counterfactual }: PromptColumns,
): SumStatistic => ({
  columns: [counterfactual.rollouts, ...columns],
  value: (sums, start) => (sums[start] === 0 ? noCounterfactual : value(sums, start + 1)),
});

/** The same statistic with reasons that name the reward and the target. */
const explained = ({ columns, value }: SumStatistic, names: Names): SumStatistic => ({
  columns,
  value: (sums, start) => {
    const result = value(sums, start);
    return typeof result === "string" ? explain(result, names) : result;
  },
});

const explain = (reason: string, { reward, target, reading }: Names): string => {
  const constant = (name: string) =>
    ({
      pooled: `${nounOf(name)} is the same in every rollout`,
      group_centred: `${nounOf(name)} does not vary within any group`,
      prompt_means: `every prompt has the same mean of ${nounOf(name)}`,
    })[reading];
  if (reason === constantFirst) return constant(reward);
  if (reason === constantSecond) return constant(target);
  const forced = target === "counterfactual" ? " with both kinds of rollouts" : "";
  return reading === "prompt_means"
    ? `there are fewer than two prompts${forced}`
    : "there are fewer than two rollouts";
};

const nounOf = (name: string): string => (name === "outcome" ? "the outcome" : name);
