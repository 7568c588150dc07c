/** Pooling of points over axes of repetitions, such as seeds. */
import { groupBy } from "../stats/groupBy.ts";

type Labels = Readonly<Record<string, string>>;

/** The axes over which points are pooled where a stage names none. */
export const defaultPool: ReadonlyArray<string> = ["seed"];

export interface Pooling<Point> {
  readonly axes: ReadonlyArray<string>;
  readonly pooledOver: ReadonlyArray<string>;
  /** The points that agree on all other axes; none where no axis is pooled over. */
  readonly groups: ReadonlyArray<{
    readonly labels: Labels;
    readonly points: ReadonlyArray<Point>;
  }>;
}

export const poolingOf = <Point extends { readonly labels: Labels }>(
  points: ReadonlyArray<Point>,
  pool: ReadonlyArray<string>,
): Pooling<Point> => {
  const axes = Object.keys(points[0]?.labels ?? {});
  const pooledOver = axes.filter((axis) => pool.includes(axis));
  const kept = ({ labels }: Point) =>
    Object.fromEntries(Object.entries(labels).filter(([axis]) => !pool.includes(axis)));
  const groups = [...groupBy(points, (point) => JSON.stringify(kept(point))).values()];
  return {
    axes,
    pooledOver,
    groups:
      pooledOver.length === 0
        ? []
        : groups.map((group) => ({ labels: kept(group[0]!), points: group })),
  };
};
