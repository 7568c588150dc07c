/** Correlations as CSV: a line for each number; `across` has no labels, as it is of all checkpoints. */
import type { Correlations, Estimate } from "../schemas/Correlation.ts";
import { csv } from "./csv.ts";

const readings = ["pooled", "group_centred", "prompt_means"] as const;

const tableColumns = [
  "both",
  "only_reward",
  "only_target",
  "neither",
  "phi_min",
  "phi_max",
] as const;

export const correlationsCsv = ({ axes, points, across }: Correlations): string => {
  const header = [
    ...axes,
    "reward",
    "target",
    "reading",
    "value",
    "low",
    "high",
    "rollouts",
    "prompts",
    "checkpoints",
    ...tableColumns,
    "reason",
  ];
  const noTable = tableColumns.map(() => "");
  const numbers = ({ value, low, high }: Estimate) => [value ?? "", low ?? "", high ?? ""];
  const ofPoints = points.flatMap((point) => {
    const labels = axes.map((axis) => point.labels[axis] ?? "");
    const row = (
      names: readonly [reward: string, target: string, reading: string],
      estimate: Estimate,
      counts: readonly [rollouts: number, prompts: number],
      table: ReadonlyArray<string | number> = noTable,
    ) => [...labels, ...names, ...numbers(estimate), ...counts, 1, ...table, estimate.reason ?? ""];
    return point.associations.flatMap(
      ({ reward, target, rollouts, prompts, table, ...estimates }) => [
        ...readings.map((reading) =>
          row(
            [reward, target, reading],
            estimates[reading],
            [rollouts, prompts],
            reading === "pooled" && table !== null
              ? tableColumns.map((column) => table[column] ?? "")
              : noTable,
          ),
        ),
        // The contrast stands below the two that it is of.
        ...point.contrasts.flatMap((contrast) =>
          contrast.reward === reward && target === "reasoning"
            ? readings.map((reading) =>
                row([reward, "reasoning - perception", reading], contrast[reading], [
                  rollouts,
                  prompts,
                ]),
              )
            : [],
        ),
      ],
    );
  });
  const ofAll = across.map(({ reward, target, checkpoints, spearman }) => [
    ...axes.map(() => ""),
    reward,
    target,
    "across",
    ...numbers(spearman),
    "",
    "",
    checkpoints,
    ...noTable,
    spearman.reason ?? "",
  ]);
  return csv([header, ...ofPoints, ...ofAll]);
};
