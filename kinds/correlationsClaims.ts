/** The numbers of correlations that a bundle claims. */
import type { CorrelationPoint, Estimate, Readings } from "../schemas/Correlation.ts";
import { type ClaimedNumber, type ClaimedNumbers, claimId, modelsFact } from "./claims.ts";
import type { Correlations } from "./CorrelationsFile.ts";
import { labelsText } from "../schemas/labels.ts";

type Labels = ClaimedNumber["row"];

const readings: { readonly [reading in keyof Readings]: string } = {
  pooled: "over all rollouts",
  group_centred: "within groups",
  prompt_means: "of prompt means",
};

/** Means, correlations and contrasts of each checkpoint, and rank correlations across checkpoints. */
export const correlationsClaims = (node: string, made: Correlations): ClaimedNumbers => ({
  numbers: [
    ...made.points.flatMap((point) => pointNumbers(node, point)),
    ...made.across.map(({ reward, target, checkpoints, spearman }) =>
      estimated(node, {}, spearman, {
        metric: `${reward}.${target}.across`,
        text: `rank correlation of ${reward} with ${target} across checkpoints`,
        n: checkpoints,
        ...(reward === "outcome"
          ? { headline: { row: "rank correlation across checkpoints", column: target } }
          : {}),
      }),
    ),
  ],
  facts: [
    modelsFact(made.models),
    `intervals: resampled ${made.interval.clusters} (${made.interval.method})`,
  ],
  legend:
    "Each column is the outcome's correlation with perception (right caption), with reasoning (right answer for the model's own caption), or with counterfactual reasoning (prompt means of right answers given the right caption).",
  pooledOver: [],
});

const pointNumbers = (
  node: string,
  { labels, rollouts, prompts, means, associations, contrasts }: CorrelationPoint,
): ReadonlyArray<ClaimedNumber> => {
  const all = rollouts.end_to_end;
  const mean = (name: string, found: Estimate, n: number) =>
    estimated(node, labels, found, { metric: `${name}.mean`, text: `mean of ${name}`, n });
  const eachReading = (found: Readings, metric: string, text: string, n: number) =>
    (Object.keys(readings) as Array<keyof Readings>).map((reading) =>
      estimated(node, labels, found[reading], {
        metric: `${metric}.${reading}`,
        text: `${text}, ${readings[reading]}`,
        n: reading === "prompt_means" ? prompts : n,
        ...pointHeadline(labels, metric, reading),
      }),
    );
  return [
    mean("perception", means.perception, all),
    mean("reasoning", means.reasoning, all),
    mean("counterfactual", means.counterfactual, rollouts.counterfactual),
    ...Object.entries(means.rewards).map(([reward, found]) => mean(`reward.${reward}`, found, all)),
    ...associations.flatMap((found) =>
      eachReading(
        found,
        `${found.reward}.${found.target}`,
        `correlation of ${found.reward} with ${found.target}`,
        found.rollouts,
      ),
    ),
    ...contrasts.flatMap((found) => [
      ...eachReading(
        found,
        `${found.reward}.contrast`,
        `correlation of ${found.reward} with reasoning minus that with perception`,
        all,
      ),
      ...(found.counterfactual === undefined
        ? []
        : [
            estimated(node, labels, found.counterfactual, {
              metric: `${found.reward}.contrast.counterfactual`,
              text: `correlation of ${found.reward} with counterfactual reasoning minus that with perception, ${readings.prompt_means}`,
              n: prompts,
            }),
          ]),
    ]),
  ];
};

/** The outcome's correlations. Counterfactual answers belong to a prompt, so their correlation has prompt means only. */
const pointHeadline = (labels: Labels, metric: string, reading: keyof Readings) => {
  const [reward, column = ""] = metric.split(".");
  const shown = column === "counterfactual" ? "prompt_means" : "pooled";
  return reward === "outcome" && column !== "contrast" && reading === shown
    ? { headline: { row: labelsText(labels), column } }
    : {};
};

const estimated = (
  node: string,
  row: Labels,
  { value, low, high }: Estimate,
  { text, ...named }: Pick<ClaimedNumber, "metric" | "text" | "n" | "headline">,
): ClaimedNumber => {
  const where = labelsText(row);
  return {
    id: claimId(node, row, named.metric),
    text: where === "" ? text : `${text}, ${where}`,
    row,
    value,
    low,
    high,
    ...named,
  };
};
