/** The arms of a table: its points without the axes that are pooled over, each with its seeds. */
import { difficultyAxis, type Table, type TableRow } from "../../kinds/TableFile.ts";
import { labelKey } from "../../pipelines/experiment/Node.ts";
import type { Labels, RunData, ScoredPoint, SourcedNumbers } from "../ReportData.ts";

export const metrics = ["a", "a_p", "a_r"] as const;
export type Metric = (typeof metrics)[number];

export interface ArmSeed {
  /** The labels that are pooled over, as text. */
  readonly seed: string;
  readonly row: TableRow;
  /** Absent where its answers are gone. */
  readonly point: ScoredPoint | undefined;
}

export interface Arm {
  readonly name: string;
  readonly labels: Labels;
  /** Pooled over its seeds. */
  readonly row: TableRow;
  readonly seeds: ReadonlyArray<ArmSeed>;
}

/** The arms of one table of one run. */
export interface ArmSet {
  readonly run: string;
  readonly node: string;
  readonly table: Table;
  /** The axes that tell the arms apart. */
  readonly axes: ReadonlyArray<string>;
  readonly arms: ReadonlyArray<Arm>;
}

/** The arms of each table of a run; the first is what the run is about. */
export const armSetsOf = ({
  run,
  numbers,
  points,
}: Pick<RunData, "run" | "numbers" | "points">): ReadonlyArray<ArmSet> =>
  numbers
    .flatMap((each) => {
      const { table } = each.numbers.json as { readonly table?: Table };
      return table === undefined ? [] : [armSetOf(run, each, table, points)];
    })
    .toSorted((one, other) => rankOf(one) - rankOf(other));

/** A table with the experiment's own question comes first, and one by difficulty, which takes another apart, last. */
const rankOf = ({ table: { axes, contrasts = [] } }: ArmSet): number => {
  if (axes.includes(difficultyAxis)) return 2;
  return contrasts.length > 0 ? 0 : 1;
};

const armSetOf = (
  run: string,
  { node, from }: SourcedNumbers,
  table: Table,
  points: ReadonlyArray<ScoredPoint>,
): ArmSet => {
  const axes = table.axes.filter((axis) => !table.pooledOver.includes(axis));
  const pointOf = new Map(points.map((point) => [point.node, point]));
  const sources = new Map(
    from.map(({ labels, node: source }) => [labelKey(labels), pointOf.get(source)]),
  );
  const pooledRows = table.pooled.length > 0 ? table.pooled : table.rows;
  const arms = pooledRows.map((row): Arm => {
    const own = table.rows.filter((each) =>
      axes.every((axis) => each.labels[axis] === row.labels[axis]),
    );
    return {
      name: armName(axes, row.labels),
      labels: row.labels,
      row,
      seeds: own.map((each) => ({
        seed: table.pooledOver.map((axis) => each.labels[axis] ?? "").join(" "),
        row: each,
        point: sources.get(labelKey(each.labels)),
      })),
    };
  });
  return { run, node, table, axes, arms };
};

const symbols: Readonly<Record<string, string>> = { alpha: "α", lambda: "λ" };

/** An axis in the notation of formulas. */
export const axisName = (axis: string): string => symbols[axis] ?? axis;

/** A label that is only a number needs the name of its axis. */
export const armName = (axes: ReadonlyArray<string>, labels: Labels): string => {
  const parts = axes.map((axis) => {
    const label = labels[axis] ?? "";
    return Number.isNaN(Number(label)) ? label : `${axisName(axis)} = ${label}`;
  });
  return parts.length === 0 ? "all" : parts.join(" · ");
};
