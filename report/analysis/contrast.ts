/**
 * One arm minus another on the same pictures in the same seeds: as the run's table has it, else with the interval that the
 * table would have. Both come from `stats/contrast.ts`, so a page and `pipe table` show the same numbers.
 */
import type { TableContrast } from "../../kinds/TableFile.ts";
import { contrast } from "../../stats/contrast.ts";
import { pairedDifferences } from "../../stats/pairedDifferences.ts";
import type { Arm, Metric } from "./Arms.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface ArmContrast {
  readonly arm: string;
  readonly baseline: string;
  readonly metric: Metric;
  readonly value: number;
  /** The 95 % interval, over instances and, with several seeds, over seeds; undefined where nothing varies. */
  readonly range: Range | undefined;
  readonly runs: number;
  readonly instances: number;
  /** Each seed's difference. */
  readonly seeds: ReadonlyArray<number>;
  /** The experiment names it as what it asks. */
  readonly isPrimary: boolean;
  /** Adjusted for the number of primary contrasts; null for others. */
  readonly pHolm: number | null;
}

/** Undefined where the arms have no answer in common. `named` is the same contrast in the run's table. */
export const armContrast = (
  arm: Arm,
  baseline: Arm,
  metric: Metric,
  named?: TableContrast,
): ArmContrast | undefined => {
  const pairs = arm.seeds.flatMap((one) => {
    const other = baseline.seeds.find(({ seed }) => seed === one.seed);
    return other === undefined ? [] : [[one, other] as const];
  });
  const answers = () =>
    pairs.map(([one, other]) => [one.point?.answers ?? [], other.point?.answers ?? []] as const);
  const { value, low, high, runs, instances } =
    named ?? contrast(pairedDifferences(answers(), metric));
  if (value === null) return undefined;
  return {
    arm: arm.name,
    baseline: baseline.name,
    metric,
    value,
    range: low === null || high === null ? undefined : { low, high },
    runs,
    instances,
    seeds: pairs.flatMap(([{ row: mine }, { row: theirs }]) =>
      mine[metric] && theirs[metric] ? [mine[metric].value - theirs[metric].value] : [],
    ),
    isPrimary: named?.primary ?? false,
    pHolm: named?.p_holm ?? null,
  };
};

/** 1 or −1 where Holm's p-value, or else the interval, excludes 0; 0 where a difference is not shown. */
export const directionOf = ({ value, range, pHolm }: ArmContrast): -1 | 0 | 1 => {
  const isShown =
    pHolm === null ? range !== undefined && (range.low > 0 || range.high < 0) : pHolm < 0.05;
  if (!isShown) return 0;
  return value > 0 ? 1 : -1;
};
