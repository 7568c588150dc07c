/** The files of `correlations`: each reward with each target, in three readings, with intervals, as JSON and as CSV. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import {
  AcrossCheckpoints,
  CorrelationPoint,
  type Estimate,
  Target,
} from "../schemas/Correlation.ts";
import { csv } from "./csv.ts";

export const correlationsFile = "correlations.json";

const Range = Schema.Struct({ low: Schema.Finite, high: Schema.Finite });

export const Correlations = Schema.Struct({
  format: Schema.Literal(1),
  /** Descriptions of the models, in files written before version 3 of `correlate`; see `sampledModels`. */
  models: Schema.optionalKey(Schema.Array(Schema.String)),
  axes: Schema.Array(Schema.String),
  interval: Schema.Struct({
    method: Schema.String,
    clusters: Schema.Literal("prompts"),
    confidence: Schema.Finite,
    resamples: Schema.Int,
    seed: Schema.Int,
  }),
  /** The paper's numbers of the outcome reward, and the reading here to compare them with. */
  published: Schema.Struct({
    source: Schema.String,
    outcome_with_reasoning: Range,
    outcome_with_perception: Range,
    reading: Schema.Literals(["pooled"]),
    target_of_reasoning: Target,
    note: Schema.String,
  }),
  points: Schema.Array(CorrelationPoint),
  across: Schema.Array(AcrossCheckpoints),
});
export interface Correlations extends Schema.Schema.Type<typeof Correlations> {}

/** Throws on other text. */
export const decodeCorrelations = Schema.decodeUnknownSync(Schema.fromJsonString(Correlations));

export const writeCorrelations = (directory: string, made: Correlations): void => {
  fs.writeFileSync(path.join(directory, correlationsFile), `${JSON.stringify(made, null, 2)}\n`);
  fs.writeFileSync(path.join(directory, "correlations.csv"), correlationsCsv(made));
};

const readings = ["pooled", "group_centred", "prompt_means"] as const;

const tableColumns = [
  "both",
  "only_reward",
  "only_target",
  "neither",
  "phi_min",
  "phi_max",
] as const;

/** A line for each number; `across` has no labels, as it is over all checkpoints. */
const correlationsCsv = ({ axes, points, across }: Correlations): string => {
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
        // A contrast follows its two correlations.
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
