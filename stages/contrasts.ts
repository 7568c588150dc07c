/** The contrasts of a table: arms minus the baseline, paired by run and picture. */
import type { ScoreLine } from "../kinds/Scores.ts";
import type { TableContrast } from "../kinds/TableFile.ts";
import { contrast } from "../stats/contrast.ts";
import { groupBy } from "../stats/groupBy.ts";
import { holm } from "../stats/holm.ts";
import { pairedDifferences, type RunPair } from "../stats/pairedDifferences.ts";
import type { Compare } from "./Summarize.ts";

export interface ScoredPoint {
  readonly labels: Readonly<Record<string, string>>;
  readonly scores: ReadonlyArray<ScoreLine>;
}

type Unadjusted = Omit<TableContrast, "p_holm">;

/** Arms and metrics for every combination of the labels of other axes. */
export const contrastsOf = (
  points: ReadonlyArray<ScoredPoint>,
  pool: ReadonlyArray<string>,
  { axis, baseline, arms, metric, secondary, margin }: Compare,
): ReadonlyArray<TableContrast> => {
  const kept = ({ labels }: ScoredPoint) =>
    Object.fromEntries(
      Object.entries(labels).filter(([name]) => name !== axis && !pool.includes(name)),
    );
  const groups = groupBy(points, (point) => JSON.stringify(kept(point)));
  const found = [metric, ...secondary].flatMap((each) =>
    [...groups.values()].flatMap((group) => {
      const labels = kept(group[0]!);
      const armOf = ({ labels: { [axis]: label = "" } }: ScoredPoint) => label;
      const byArm = groupBy(group, armOf);
      // The command line may leave labels of the axis out.
      const compared = byArm.has(baseline)
        ? (arms ?? [...byArm.keys()]).filter((label) => label !== baseline && byArm.has(label))
        : [];
      return compared.map((arm): Unadjusted => ({
        axis,
        arm,
        baseline,
        metric: each,
        primary: each === metric,
        labels,
        ...contrast(
          pairedDifferences(runPairs(byArm.get(arm) ?? [], byArm.get(baseline) ?? [], axis), each),
          margin,
        ),
      }));
    }),
  );
  return withHolm(found);
};

/** The runs of two arms whose other labels are equal. */
const runPairs = (
  first: ReadonlyArray<ScoredPoint>,
  second: ReadonlyArray<ScoredPoint>,
  axis: string,
): ReadonlyArray<RunPair> => {
  const runKey = ({ labels: { [axis]: _arm, ...others } }: ScoredPoint) => JSON.stringify(others);
  const partners = new Map(second.map((point) => [runKey(point), point.scores]));
  return first.flatMap((point) => {
    const partner = partners.get(runKey(point));
    return partner === undefined ? [] : [[point.scores, partner] as const];
  });
};

/** Adjusts the p-values of the primary contrasts, which alone bear the question. */
const withHolm = (found: ReadonlyArray<Unadjusted>): ReadonlyArray<TableContrast> => {
  const tested = found.filter(({ primary, p }) => primary && p !== null);
  const adjusted = new Map(
    holm(tested.map(({ p }) => p!)).map((p, index) => [tested[index], p] as const),
  );
  return found.map((each) => ({ ...each, p_holm: adjusted.get(each) ?? null }));
};
