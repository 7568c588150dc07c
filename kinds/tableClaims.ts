/** The numbers of a table that a bundle claims. */
import { type ClaimedNumber, type ClaimedNumbers, claimId, modelsFact } from "./claims.ts";
import type { Table, TableContrast, TableRow } from "./TableFile.ts";
import { labelsText } from "../schemas/labels.ts";

/** Accuracies of each row, and of rows pooled over several points, which the page shows in place of these points. */
export const tableClaims = (node: string, table: Table): ClaimedNumbers => {
  const { models = [], interval, pooledOver, rows, contrasts = [] } = table;
  // A pool of one point tells its numbers again; bundles with tables of format 1 claim them as well.
  const pooled = table.pooled.filter(({ points }) => points > 1 || table.format === 1);
  const isPooled = ({ labels }: TableRow) =>
    pooled.some((pool) =>
      Object.entries(pool.labels).every(([axis, label]) => labels[axis] === label),
    );
  return {
    numbers: [
      ...rows.flatMap((row) =>
        rowNumbers(node, row, labelsText(row.labels), { isHeadline: !isPooled(row) }),
      ),
      ...pooled.flatMap((row) => {
        const count = `${row.points} ${pooledOver.join(" and ")} values pooled`;
        const where = [labelsText(row.labels), count].filter((part) => part !== "").join(", ");
        return rowNumbers(node, row, where, { isHeadline: true });
      }),
      ...contrasts.map((each) => contrastNumber(node, each)),
    ],
    facts: [modelsFact(models), `intervals: ${intervals[interval]}`],
    legend:
      "a: share of right answers; a_p: share of right captions; a_r: share of right answers when the right caption is given.",
    pooledOver,
  };
};

const intervals = {
  "Wilson 95 %": "Wilson 95 % over examples",
  "clustered Wilson 95 %":
    "95 %, over instances, in pooled rows over instances and seeds (Wilson's with the effective number of answers)",
} as const satisfies Record<Table["interval"], string>;

const accuracies = {
  a: "end-to-end accuracy a",
  a_p: "perception accuracy a_p",
  a_r: "counterfactual reasoning accuracy a_r",
} as const;

const rowNumbers = (
  node: string,
  row: TableRow,
  where: string,
  { isHeadline }: { readonly isHeadline: boolean },
): ReadonlyArray<ClaimedNumber> => {
  const named = (metric: string, text: string) => ({
    id: claimId(node, row.labels, metric),
    text: where === "" ? text : `${text}, ${where}`,
    row: row.labels,
    metric,
  });
  const proportions = (Object.keys(accuracies) as Array<keyof typeof accuracies>).flatMap(
    (metric) => {
      const found = row[metric];
      if (found === null) return [];
      const { value, low, high, n } = found;
      const headline = isHeadline ? { headline: { row: where, column: metric } } : {};
      return [{ ...named(metric, accuracies[metric]), value, low, high, n, ...headline }];
    },
  );
  if (row.perception_f1 === null) return proportions;
  const f1 = { value: row.perception_f1, low: null, high: null, n: row.a?.n ?? 0 };
  return [...proportions, { ...named("perception_f1", "mean F1 of the captions"), ...f1 }];
};

const contrastNumber = (node: string, each: TableContrast): ClaimedNumber => {
  const { axis, arm, baseline, labels, metric, value, low, high, n } = each;
  const row = { ...labels, [axis]: `${arm} − ${baseline}` };
  return {
    id: claimId(node, row, metric),
    row,
    metric,
    value,
    low,
    high,
    n,
    text: `${accuracies[metric]}, ${labelsText(row)}`,
  };
};
