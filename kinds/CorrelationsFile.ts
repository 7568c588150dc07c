/** The files of `correlations`: each reward with each target, in three readings, with intervals, as JSON and as CSV. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import {
  AcrossCheckpoints,
  type ContingencyTable,
  CorrelationPoint,
  type Estimate,
  type Readings,
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
  const rows = correlationsCsv(made, correlationRows(made));
  fs.writeFileSync(path.join(directory, "correlations.csv"), rows);
};

export const correlationReadings = ["pooled", "group_centred", "prompt_means"] as const;

const tableColumns = [
  "both",
  "only_reward",
  "only_target",
  "neither",
  "phi_min",
  "phi_max",
] as const;

export const contrastTarget = "reasoning - perception";

/** A reward with a target, or the contrast of two targets, at one checkpoint. */
export interface CorrelationRow extends Readings {
  readonly labels: Readonly<Record<string, string>>;
  readonly reward: string;
  readonly target: Target | typeof contrastTarget;
  readonly rollouts: number;
  readonly prompts: number;
  /** Null for a contrast, and where the file has none. */
  readonly table: ContingencyTable | null;
}

/** Point by point; a contrast follows the two correlations that it is made of. */
export const correlationRows = ({
  points,
}: Pick<Correlations, "points">): ReadonlyArray<CorrelationRow> =>
  points.flatMap(({ labels, associations, contrasts }) =>
    associations.flatMap((association): ReadonlyArray<CorrelationRow> => {
      const { reward, target, rollouts, prompts } = association;
      const contrast =
        target === "reasoning" ? contrasts.find((each) => each.reward === reward) : undefined;
      const row = { labels, ...association };
      return contrast === undefined
        ? [row]
        : [row, { labels, rollouts, prompts, ...contrast, target: contrastTarget, table: null }];
    }),
  );

/** A line for each number; `across` has no labels, as it is over all checkpoints. */
export const correlationsCsv = (
  { axes, across }: Pick<Correlations, "axes" | "across">,
  rows: ReadonlyArray<CorrelationRow>,
): string => {
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
  const numbers = ({ value, low, high }: Estimate) => [value ?? "", low ?? "", high ?? ""];
  const ofPoints = rows.flatMap((row) =>
    correlationReadings.map((reading) => [
      ...axes.map((axis) => row.labels[axis] ?? ""),
      row.reward,
      row.target,
      reading,
      ...numbers(row[reading]),
      row.rollouts,
      row.prompts,
      1,
      ...tableColumns.map((column) => (reading === "pooled" ? (row.table?.[column] ?? "") : "")),
      row[reading].reason ?? "",
    ]),
  );
  const ofAll = across.map(({ reward, target, checkpoints, spearman }) => [
    ...axes.map(() => ""),
    reward,
    target,
    "across",
    ...numbers(spearman),
    "",
    "",
    checkpoints,
    ...tableColumns.map(() => ""),
    spearman.reason ?? "",
  ]);
  return csv([header, ...ofPoints, ...ofAll]);
};
