/**
 * The comparisons of a report. Within one run: every arm with the baseline that the experiment names, else with the first arm.
 * Between two runs: each arm with itself.
 */
import type { TableContrast } from "../../kinds/TableFile.ts";
import { labelKey } from "../../pipelines/experiment/Node.ts";
import type { Labels, ReportData } from "../ReportData.ts";
import { type Arm, armName, type ArmSet, armSetsOf, type Metric, metrics } from "./Arms.ts";
import { armContrast, type ArmContrast, directionOf } from "./contrast.ts";

/** More arms are shown without comparisons, which would be hundreds. */
export const mostCompared = 40;

export interface Comparison {
  readonly node: string;
  /** One for each run that has the table. */
  readonly sets: ReadonlyArray<ArmSet>;
  /** The baseline in words. */
  readonly baseline: string;
  /** The metric that the experiment asks about. */
  readonly metric: Metric;
  readonly contrasts: ReadonlyArray<ArmContrast>;
  /** For each metric, the arms that are best or not distinguishable from the best; none between two runs. */
  readonly best: ReadonlyMap<Metric, ReadonlySet<Arm>>;
}

export const comparisonsOf = (data: ReportData): ReadonlyArray<Comparison> => {
  const byNode = Map.groupBy(data.runs.flatMap(armSetsOf), ({ node }) => node);
  return [...byNode.values()].map(comparisonOf);
};

const comparisonOf = (sets: ReadonlyArray<ArmSet>): Comparison => {
  const [first, second] = sets as readonly [ArmSet, ...ReadonlyArray<ArmSet>];
  const isSmall = first.arms.length <= mostCompared;
  const { baseline, pairs } =
    second === undefined ? pairsWithin(first) : pairsBetween(first, second);
  const contrasts = (isSmall ? pairs : []).flatMap(([arm, other, named]) =>
    metrics.flatMap(
      (metric) =>
        armContrast(
          arm,
          other,
          metric,
          named.find((each) => each.metric === metric),
        ) ?? [],
    ),
  );
  return {
    node: first.node,
    sets,
    baseline,
    metric: contrasts.find(({ isPrimary }) => isPrimary)?.metric ?? "a",
    contrasts,
    best: new Map(
      metrics.map((metric) => [
        metric,
        isSmall && second === undefined ? bestOf(first, metric) : new Set<Arm>(),
      ]),
    ),
  };
};

interface Pairs {
  readonly baseline: string;
  readonly pairs: ReadonlyArray<
    readonly [arm: Arm, baseline: Arm, named: ReadonlyArray<TableContrast>]
  >;
}

const pairsWithin = ({ arms, table: { contrasts = [] } }: ArmSet): Pairs => {
  const [named] = contrasts;
  const baselineOf = ({ labels }: Arm): Arm | undefined =>
    named === undefined
      ? arms[0]
      : arms.find((each) => hasLabels(each, { ...labels, [named.axis]: named.baseline }));
  return {
    baseline:
      named === undefined
        ? (arms[0]?.name ?? "")
        : armName([named.axis], { [named.axis]: named.baseline }),
    pairs: arms.flatMap((arm) => {
      const baseline = baselineOf(arm);
      if (baseline === undefined || baseline === arm) return [];
      const own = contrasts.filter(({ labels, axis, arm: label }) =>
        hasLabels(arm, { ...labels, [axis]: label }),
      );
      return [[arm, baseline, own] as const];
    }),
  };
};

const hasLabels = (arm: Arm, labels: Labels): boolean => labelKey(arm.labels) === labelKey(labels);

const pairsBetween = (first: ArmSet, second: ArmSet): Pairs => ({
  baseline: first.run,
  pairs: second.arms.flatMap((arm) => {
    const same = first.arms.find(({ name }) => name === arm.name);
    return same === undefined ? [] : [[arm, same, []] as const];
  }),
});

/** The arm with the highest value, and every arm that answered the same instances and whose difference to it is not shown. */
const bestOf = ({ arms }: ArmSet, metric: Metric): ReadonlySet<Arm> => {
  const valued = arms.filter(({ row }) => row[metric] !== null);
  const value = ({ row }: Arm) => row[metric]?.value ?? 0;
  const top = valued.toSorted((one, other) => value(other) - value(one))[0];
  if (top === undefined || valued.length < 2) return new Set();
  return new Set(
    valued.filter((arm) => {
      if (arm === top) return true;
      const difference = armContrast(top, arm, metric);
      return difference !== undefined && directionOf(difference) === 0;
    }),
  );
};
