/**
 * The numbers of a table, or of correlations, as claims name them. The writer of a bundle takes its claims from here, and verifying
 * compares them with what it finds here: a number that is in neither is in no claim.
 */
import type { Correlations, Estimate, Readings } from "../schemas/Correlation.ts";
import type { Table, TableRow } from "../schemas/Table.ts";
import type { Claim } from "./format.ts";

export type ClaimedNumber = Pick<
  Claim,
  "id" | "text" | "row" | "metric" | "value" | "low" | "high" | "n"
>;

type Labels = Claim["row"];

/** Accuracies by row, and by pooled row where seeds are pooled. */
export const tableNumbers = (node: string, table: Table): ReadonlyArray<ClaimedNumber> => {
  const pooledOver = table.pooledOver.join(" and ");
  return [
    ...table.rows.flatMap((row) => rowNumbers(node, row, labelsText(row.labels))),
    ...table.pooled.flatMap((row) => {
      const where = labelsText(row.labels);
      const pooled = `${row.points} ${pooledOver} values pooled`;
      return rowNumbers(node, row, where === "" ? pooled : `${where}, ${pooled}`);
    }),
  ];
};

const accuracies = {
  a: "end-to-end accuracy a",
  a_p: "perception accuracy a_p",
  a_r: "counterfactual reasoning accuracy a_r",
} as const;

const rowNumbers = (node: string, row: TableRow, where: string): ReadonlyArray<ClaimedNumber> => {
  const of = (metric: string, text: string) => ({
    id: idOf(node, row.labels, metric),
    text: where === "" ? text : `${text}, ${where}`,
    row: row.labels,
    metric,
  });
  const proportions = (Object.keys(accuracies) as Array<keyof typeof accuracies>).flatMap(
    (metric) => {
      const found = row[metric];
      if (found === null) return [];
      const { value, low, high, n } = found;
      return [{ ...of(metric, accuracies[metric]), value, low, high, n }];
    },
  );
  const captions = {
    ...of("perception_f1", "mean F1 of the captions"),
    value: row.perception_f1,
    low: null,
    high: null,
    n: row.a?.n ?? 0,
  };
  return row.perception_f1 === null ? proportions : [...proportions, captions];
};

const readings: { readonly [reading in keyof Readings]: string } = {
  pooled: "over all rollouts",
  group_centred: "within groups",
  prompt_means: "of prompts' means",
};

/** Means, correlations and their differences by checkpoint, and the rank correlations across checkpoints. */
export const correlationNumbers = (
  node: string,
  { points, across }: Correlations,
): ReadonlyArray<ClaimedNumber> => [
  ...points.flatMap((point) => pointNumbers(node, point)),
  ...across.map(({ reward, target, checkpoints, spearman }) =>
    estimated(node, {}, spearman, {
      metric: `${reward}.${target}.across`,
      text: `rank correlation of ${reward} with ${target} across checkpoints`,
      n: checkpoints,
    }),
  ),
];

const pointNumbers = (
  node: string,
  { labels, rollouts, prompts, means, associations, contrasts }: Correlations["points"][number],
): ReadonlyArray<ClaimedNumber> => {
  const read = (found: Readings, metric: string, text: string, all: number) =>
    (Object.keys(readings) as Array<keyof Readings>).map((reading) =>
      estimated(node, labels, found[reading], {
        metric: `${metric}.${reading}`,
        text: `${text}, ${readings[reading]}`,
        n: reading === "prompt_means" ? prompts : all,
      }),
    );
  const mean = (name: string, found: Estimate, n: number) =>
    estimated(node, labels, found, { metric: `${name}.mean`, text: `mean of ${name}`, n });
  const all = rollouts.end_to_end;
  return [
    mean("perception", means.perception, all),
    mean("reasoning", means.reasoning, all),
    mean("counterfactual", means.counterfactual, rollouts.counterfactual),
    ...Object.entries(means.rewards).map(([reward, found]) => mean(`reward.${reward}`, found, all)),
    ...associations.flatMap((found) =>
      read(
        found,
        `${found.reward}.${found.target}`,
        `correlation of ${found.reward} with ${found.target}`,
        found.rollouts,
      ),
    ),
    ...contrasts.flatMap((found) =>
      read(
        found,
        `${found.reward}.contrast`,
        `correlation of ${found.reward} with reasoning less that with perception`,
        all,
      ),
    ),
  ];
};

const estimated = (
  node: string,
  row: Labels,
  { value, low, high }: Estimate,
  { metric, text, n }: Pick<ClaimedNumber, "metric" | "text" | "n">,
): ClaimedNumber => {
  const where = labelsText(row);
  return {
    id: idOf(node, row, metric),
    text: where === "" ? text : `${text}, ${where}`,
    row,
    metric,
    value,
    low,
    high,
    n,
  };
};

const labelsText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([axis, label]) => `${axis}=${label}`)
    .join(",");

const idOf = (node: string, row: Labels, metric: string): string => {
  const labels = labelsText(row);
  return `${node}${labels === "" ? "" : `[${labels}]`}/${metric}`;
};
