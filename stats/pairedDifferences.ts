/** The first arm minus the second, for each pair of answers to the same picture in the same run. */
import type { Accuracies, ScoredExample } from "./accuracies.ts";
import type { Answer } from "./clusteredMean.ts";

export type PairedMetric = keyof Pick<Accuracies, "a" | "a_p" | "a_r">;

export type RunPair = readonly [
  first: ReadonlyArray<ScoredExample>,
  second: ReadonlyArray<ScoredExample>,
];

/** Pictures that only one of the two answered are left out. */
export const pairedDifferences = (
  runs: ReadonlyArray<RunPair>,
  metric: PairedMetric,
): ReadonlyArray<Answer> =>
  runs.flatMap(([first, second], run) => {
    const partners = new Map(answersOf(second, metric).map((each) => [pictureOf(each), each]));
    return answersOf(first, metric).flatMap((each) => {
      const partner = partners.get(pictureOf(each));
      if (partner === undefined) return [];
      const value = valueOf(each, metric) - valueOf(partner, metric);
      return [{ value, run, instance: each.instance ?? each.id }];
    });
  });

const answersOf = (scores: ReadonlyArray<ScoredExample>, metric: PairedMetric) =>
  scores.filter(({ mode }) => (mode === "counterfactual") === (metric === "a_r"));

const pictureOf = ({ id, instance = "" }: ScoredExample): string => `${id} ${instance}`;

const valueOf = ({ outcome, perception }: ScoredExample, metric: PairedMetric): number =>
  Number(metric === "a_p" ? perception : outcome);
