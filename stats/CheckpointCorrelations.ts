/** All correlations of one checkpoint's rollouts, with intervals from one cluster bootstrap over its prompts. */
import type { Association, Contrast, ContingencyTable, Estimate } from "../schemas/Correlation.ts";
import type { CorrelationPoint, Readings, Target } from "../schemas/Correlation.ts";
import type { ResampledMean } from "./acrossCheckpoints.ts";
import { type Clusters, ClusterBootstrap } from "./ClusterBootstrap.ts";
import { phiEnds } from "./phi.ts";
import { firstColumn, ofReward, promptRows } from "./promptRows.ts";
import { answerTo, type Question, questionsOf, targets } from "./rewardCorrelations.ts";
import type { RolloutSums } from "./RolloutSums.ts";

/** How the intervals are made. */
export const intervalMethod = "bca";

export class CheckpointCorrelations {
  readonly rewards: ReadonlyArray<string>;
  readonly #sums: RolloutSums;
  readonly #rows: Clusters;
  readonly #bootstrap: ClusterBootstrap;
  readonly #places: ReadonlyMap<string, number>;

  constructor(sums: RolloutSums, seed: number) {
    this.#sums = sums;
    this.rewards = sums.rewards;
    this.#rows = promptRows(sums);
    const questions = questionsOf(this.rewards);
    this.#places = new Map(questions.map((question, place) => [nameOf(question), place]));
    const statistics = questions.map((question) => answerTo(question, this.rewards));
    this.#bootstrap = new ClusterBootstrap(this.#rows, statistics, seed);
  }

  /** One more resample. */
  draw(): void {
    this.#bootstrap.draw();
  }

  /** What the resamples drawn so far say. */
  point(labels: CorrelationPoint["labels"]): CorrelationPoint {
    const values = this.#bootstrap.estimates();
    const intervals = this.#bootstrap.intervals(intervalMethod);
    const ask = (question: Question): Estimate => {
      const place = this.#placeOf(question);
      const value = values[place]!;
      return typeof value === "string"
        ? { value: null, low: null, high: null, reason: value }
        : { value, ...intervals[place]! };
    };
    const mean = (target: Target) => ask({ kind: "mean", target });
    const { counts, steps, groups } = this.#sums;
    return {
      labels,
      rollouts: { ...counts },
      prompts: this.#bootstrap.count,
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
        targets.map((target) => this.#association(reward, target, ask)),
      ),
      contrasts: this.rewards.map((reward): Contrast => ({
        reward,
        ...readingsOf((reading) => ask({ kind: "contrast", reward, reading })),
      })),
    };
  }

  /** The mean of a reward or of what it is held against, resample by resample. */
  resampledMean(of: { readonly target: Target } | { readonly reward: string }): ResampledMean {
    const place = this.#placeOf({ kind: "mean", ...of });
    const mean = this.#bootstrap.estimates()[place];
    return {
      mean: typeof mean === "number" ? mean : null,
      replicates: this.#bootstrap.replicatesOf(place),
    };
  }

  #placeOf(question: Question): number {
    return this.#places.get(nameOf(question)) ?? -1;
  }

  #association(reward: string, target: Target, ask: (question: Question) => Estimate): Association {
    const total = this.#totals(reward);
    const { pooled, means, forced } = ofReward;
    return {
      reward,
      target,
      rollouts: total(pooled.n),
      prompts: total(target === "counterfactual" ? forced.n : means.n),
      ...readingsOf((reading) => ask({ kind: "correlation", reward, target, reading })),
      table:
        target === "counterfactual" || this.#sums.graded.has(reward)
          ? null
          : tableOf(total, target),
    };
  }

  /** The sums of a reward over all prompts, by column. */
  #totals(reward: string): (column: number) => number {
    const { width, sums } = this.#rows;
    const first = firstColumn(this.rewards.indexOf(reward));
    return (column) => {
      let total = 0;
      for (let place = first + column; place < sums.length; place += width) total += sums[place]!;
      return total;
    };
  }
}

const nameOf = (question: Question): string => JSON.stringify(Object.entries(question).sort());

const readingsOf = (ask: (reading: keyof Readings) => Estimate): Readings => ({
  pooled: ask("pooled"),
  group_centred: ask("group_centred"),
  prompt_means: ask("prompt_means"),
});

const tableOf = (
  total: (column: number) => number,
  target: "perception" | "reasoning",
): ContingencyTable => {
  const { pooled } = ofReward;
  const both = total(target === "perception" ? pooled.xPerception : pooled.xReasoning);
  const onlyFirst = total(pooled.x) - both;
  const onlySecond = total(pooled[target]) - both;
  const neither = total(pooled.n) - both - onlyFirst - onlySecond;
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
