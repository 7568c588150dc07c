/** Differences between two runs on the pictures that both answered, pooled over seeds. Pure. */
import type { ScoreLine } from "../../kinds/Scores.ts";
import { defaultPool } from "../../stages/pooling.ts";
import { type Contrast, contrast } from "../../stats/contrast.ts";
import { groupBy } from "../../stats/groupBy.ts";
import { pairedDifferences } from "../../stats/pairedDifferences.ts";
import type { MetricName } from "./tableDifference.ts";

type Labels = Readonly<Record<string, string>>;

/** The scores of one point in both runs. */
export interface ScoresPair {
  readonly stageName: string;
  readonly labels: Labels;
  readonly old: ReadonlyArray<ScoreLine>;
  readonly now: ReadonlyArray<ScoreLine>;
}

/** New minus old. */
export interface PairedRow extends Omit<Contrast, "margin"> {
  readonly stageName: string;
  readonly labels: Labels;
  readonly metric: MetricName;
}

/** None for points that share no picture. */
export const pairedRows = (pairs: ReadonlyArray<ScoresPair>): ReadonlyArray<PairedRow> => {
  const kept = ({ labels }: ScoresPair) =>
    Object.fromEntries(Object.entries(labels).filter(([axis]) => !defaultPool.includes(axis)));
  const groups = groupBy(pairs, (pair) => JSON.stringify([pair.stageName, kept(pair)]));
  return [...groups.values()].flatMap((group) =>
    (["a", "a_p", "a_r"] as const).flatMap((metric): ReadonlyArray<PairedRow> => {
      const runs = group.map(({ now, old }) => [now, old] as const);
      const { margin: _, ...found } = contrast(pairedDifferences(runs, metric));
      const [{ stageName }] = group as [ScoresPair];
      return found.n === 0 ? [] : [{ stageName, labels: kept(group[0]!), metric, ...found }];
    }),
  );
};
