/**
 * The correlations of each reward with perception and with reasoning, as statistics of totals of prompts' rows: each is a
 * name and a function, and the bootstrap takes them all at once.
 */
import type { Reading, Target } from "../schemas/Correlation.ts";
import type { OfTotals } from "./ClusterBootstrap.ts";
import { correlationAboutMeans, correlationOf } from "./moments.ts";
import { constantFirst, constantSecond } from "./pearson.ts";
import { firstColumn, ofReward, shared } from "./promptRows.ts";

/** One number that is asked of the rollouts. */
export type Question =
  | { readonly kind: "mean"; readonly target: Target }
  | { readonly kind: "mean"; readonly reward: string }
  | {
      readonly kind: "correlation";
      readonly reward: string;
      readonly target: Target;
      readonly reading: Reading;
    }
  /** Of the correlations with reasoning and with perception, how much more the first is. */
  | { readonly kind: "contrast"; readonly reward: string; readonly reading: Reading };

export const readings = ["pooled", "group_centred", "prompt_means"] as const;
export const targets = ["perception", "reasoning", "counterfactual"] as const;

export const questionsOf = (rewards: ReadonlyArray<string>): ReadonlyArray<Question> => [
  ...targets.map((target) => ({ kind: "mean", target }) as const),
  ...rewards.map((reward) => ({ kind: "mean", reward }) as const),
  ...rewards.flatMap((reward) =>
    readings.flatMap((reading): ReadonlyArray<Question> => [
      ...targets.map((target) => ({ kind: "correlation", reward, target, reading }) as const),
      { kind: "contrast", reward, reading },
    ]),
  ),
];

/** The statistic that answers, the rewards' places in the rows being those in the list. */
export const answerTo = (question: Question, rewards: ReadonlyArray<string>): OfTotals => {
  if (question.kind === "mean")
    return "target" in question
      ? meanOfTarget(question.target)
      : meanOfReward(question.reward, rewards);
  const { reward, reading } = question;
  const start = firstColumn(rewards.indexOf(reward));
  if (question.kind === "correlation")
    return correlation(start, reading, question.target, { reward, target: question.target });
  const reasoning = correlation(start, reading, "reasoning", { reward, target: "reasoning" });
  const perception = correlation(start, reading, "perception", { reward, target: "perception" });
  return (totals) => {
    const [one, other] = [reasoning(totals), perception(totals)];
    if (typeof one === "string") return one;
    return typeof other === "string" ? other : one - other;
  };
};

const meanOfTarget = (target: Target): OfTotals =>
  target === "counterfactual"
    ? share(shared.forcedRight, shared.forced, noCounterfactual)
    : share(shared[target], shared.n, "there are no end-to-end rollouts");

const meanOfReward = (reward: string, rewards: ReadonlyArray<string>): OfTotals => {
  const start = firstColumn(rewards.indexOf(reward));
  const { sum, pooled } = ofReward;
  return share(start + sum, start + pooled.n, `no end-to-end rollout has ${spoken(reward)}`);
};

const share =
  (sum: number, count: number, none: string): OfTotals =>
  (totals) =>
    totals[count] === 0 ? none : totals[sum]! / totals[count]!;

const noCounterfactual = "there are no counterfactual rollouts";

interface Names {
  readonly reward: string;
  readonly target: Target;
}

const correlation = (start: number, reading: Reading, target: Target, names: Names): OfTotals => {
  const statistic = raw(start, reading, target);
  return (totals) => {
    const value = statistic(totals);
    return typeof value === "string" ? explain(value, reading, names) : value;
  };
};

const raw = (start: number, reading: Reading, target: Target): OfTotals => {
  if (target === "counterfactual")
    return reading === "prompt_means" ? withForced(start) : () => noPair;
  return { pooled, group_centred: centred, prompt_means: means }[reading](start, target);
};

const noPair = "an end-to-end and a counterfactual response are no pair: only their prompts are";

type OwnTarget = Exclude<Target, "counterfactual">;

const products = { perception: "xPerception", reasoning: "xReasoning" } as const;

const pooled = (start: number, target: OwnTarget): OfTotals => {
  const columns = ofReward.pooled;
  const [y, xy] = [start + columns[target], start + columns[products[target]]];
  return (t) =>
    correlationOf({
      n: t[start + columns.n]!,
      x: t[start + columns.x]!,
      y: t[y]!,
      xx: t[start + columns.xx]!,
      yy: t[y]!,
      xy: t[xy]!,
    });
};

const centred = (start: number, target: OwnTarget): OfTotals => {
  const columns = ofReward.centred;
  const [xx, yy, xy] = [columns.xx, columns[target], columns[products[target]]];
  return (t) => correlationAboutMeans(t[start + xx]!, t[start + yy]!, t[start + xy]!);
};

const squares = { perception: "perception2", reasoning: "reasoning2" } as const;

const means = (start: number, target: OwnTarget): OfTotals => {
  const columns = ofReward.means;
  const [y, yy, xy] = [columns[target], columns[squares[target]], columns[products[target]]];
  return (t) =>
    correlationOf({
      n: t[start + columns.n]!,
      x: t[start + columns.x]!,
      y: t[start + y]!,
      xx: t[start + columns.xx]!,
      yy: t[start + yy]!,
      xy: t[start + xy]!,
    });
};

const withForced = (start: number): OfTotals => {
  const columns = ofReward.forced;
  return (t) =>
    t[shared.forced] === 0
      ? noCounterfactual
      : correlationOf({
          n: t[start + columns.n]!,
          x: t[start + columns.x]!,
          y: t[start + columns.right]!,
          xx: t[start + columns.xx]!,
          yy: t[start + columns.right2]!,
          xy: t[start + columns.xRight]!,
        });
};

/** What the general reason means here. */
const explain = (reason: string, reading: Reading, { reward, target }: Names): string => {
  const constant = (name: string) =>
    ({
      pooled: `${spoken(name)} is the same in every rollout`,
      group_centred: `${spoken(name)} does not vary within any group`,
      prompt_means: `every prompt has the same mean of ${spoken(name)}`,
    })[reading];
  if (reason === constantFirst) return constant(reward);
  if (reason === constantSecond) return constant(target);
  if (reason === noPair || reason === noCounterfactual) return reason;
  const forced = target === "counterfactual" ? " with both kinds of rollouts" : "";
  return reading === "prompt_means"
    ? `there are fewer than two prompts${forced}`
    : "there are fewer than two rollouts";
};

const spoken = (name: string): string => (name === "outcome" ? "the outcome" : name);
