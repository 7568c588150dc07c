/** All correlations of one checkpoint's rollouts, with intervals from one cluster bootstrap over its prompts. */
import type { Association, Contrast, ContingencyTable, Estimate } from "../schemas/Correlation.ts";
import type { CorrelationPoint, Readings, Target } from "../schemas/Correlation.ts";
import type { ResampledMean } from "./acrossCheckpoints.ts";
import { ClusterBootstrap } from "./ClusterBootstrap.ts";
import { phiEnds } from "./phiEnds.ts";
import { type PairColumns, promptColumns, type PromptColumns } from "./promptColumns.ts";
import { type Question, questionsOf, statisticOf, targets } from "./rewardCorrelations.ts";
import type { RolloutSums } from "./RolloutSums.ts";

/** The method of the intervals. */
export const intervalMethod = "bca";

export class CheckpointCorrelations {
  readonly rewards: ReadonlyArray<string>;
  private readonly sums: RolloutSums;
  private readonly columns: PromptColumns;
  private readonly bootstrap: ClusterBootstrap;
  private readonly places: ReadonlyMap<string, number>;

  constructor(sums: RolloutSums, seed: number) {
    this.sums = sums;
    this.rewards = sums.rewards;
    this.columns = promptColumns(sums);
    const questions = questionsOf(this.rewards);
    this.places = new Map(questions.map((question, place) => [nameOf(question), place]));
    const statistics = questions.map((question) => statisticOf(question, this.columns));
    this.bootstrap = new ClusterBootstrap(this.columns.prompts, statistics, seed);
  }

  /** Draws one resample. */
  draw(): void {
    this.bootstrap.draw();
  }

  /** All estimates, with intervals from the resamples so far. */
  point(labels: CorrelationPoint["labels"]): CorrelationPoint {
    const values = this.bootstrap.estimates();
    const intervals = this.bootstrap.intervals(intervalMethod);
    const ask = (question: Question): Estimate => {
      const place = this.placeOf(question);
      const value = values[place]!;
      return typeof value === "string"
        ? { value: null, low: null, high: null, reason: value }
        : { value, ...intervals[place]! };
    };
    const mean = (target: Target) => ask({ kind: "mean", target });
    const { counts, steps, groups } = this.sums;
    return {
      labels,
      rollouts: { ...counts },
      prompts: this.columns.prompts,
      groups: groups.size,
      steps: { ...steps },
      means: {
        perception: mean("perception"),
        reasoning: mean("reasoning"),
        counterfactual: mean("counterfactual"),
        rewards: Object.fromEntries(
          this.rewards.map((reward) => [reward, ask({ kind: "mean", reward })]),
        ),
      },
      associations: this.rewards.flatMap((reward) =>
        targets.map((target) => this.association(reward, target, ask)),
      ),
      contrasts: this.rewards.map((reward): Contrast => ({
        reward,
        ...readingsOf((reading) => ask({ kind: "contrast", reward, target: "reasoning", reading })),
        counterfactual: ask({
          kind: "contrast",
          reward,
          target: "counterfactual",
          reading: "prompt_means",
        }),
      })),
    };
  }

  /** The mean of a reward or a target, and the same in every resample so far. */
  resampledMean(of: { readonly target: Target } | { readonly reward: string }): ResampledMean {
    const place = this.placeOf({ kind: "mean", ...of });
    const mean = this.bootstrap.estimates()[place];
    return {
      mean: typeof mean === "number" ? mean : null,
      replicates: this.bootstrap.replicatesOf(place),
    };
  }

  private placeOf(question: Question): number {
    return this.places.get(nameOf(question)) ?? -1;
  }

  private association(
    reward: string,
    target: Target,
    ask: (question: Question) => Estimate,
  ): Association {
    const { pooled, means, rollouts } = this.columns.rewards.get(reward)!;
    return {
      reward,
      target,
      rollouts: total(rollouts),
      prompts: total(means[target].n),
      ...readingsOf((reading) => ask({ kind: "correlation", reward, target, reading })),
      table:
        target === "counterfactual" || this.sums.graded.has(reward)
          ? null
          : tableOf(pooled[target]),
    };
  }
}

const total = (column: Float64Array): number => column.reduce((sum, value) => sum + value, 0);

const nameOf = (question: Question): string => JSON.stringify(Object.entries(question).sort());

const readingsOf = (ask: (reading: keyof Readings) => Estimate): Readings => ({
  pooled: ask("pooled"),
  group_centred: ask("group_centred"),
  prompt_means: ask("prompt_means"),
});

/** Counts of a 0/1 reward and a 0/1 target. */
const tableOf = ({ n, x, y, xy }: PairColumns): ContingencyTable => {
  const both = total(xy);
  const onlyFirst = total(x) - both;
  const onlySecond = total(y) - both;
  const neither = total(n) - both - onlyFirst - onlySecond;
  const ends = phiEnds({ both, onlyFirst, onlySecond, neither });
  return {
    both,
    only_reward: onlyFirst,
    only_target: onlySecond,
    neither,
    phi_min: ends?.min ?? null,
    phi_max: ends?.max ?? null,
  };
};
