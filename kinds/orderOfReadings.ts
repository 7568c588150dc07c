/**
 * Counts the checkpoints where the outcome correlates more with reasoning than with perception, for each reading of "reasoning", and those
 * within the published ranges.
 */
import type { CorrelationPoint, Reading, Target } from "../schemas/Correlation.ts";
import type { Correlations } from "./CorrelationsFile.ts";

export interface Order {
  readonly target: Target;
  readonly reading: Reading;
  /** The checkpoints where both correlations are defined. */
  readonly checkpoints: number;
  readonly reasoningHigher: number;
  /** Checkpoints whose interval of the difference lies above or below 0; null where there are no such intervals. */
  readonly above: number | null;
  readonly below: number | null;
  readonly withReasoning: number;
  readonly withPerception: number;
}

/** The last shares neither its definition nor its answers with the outcome. */
const shown: ReadonlyArray<readonly [Target, Reading]> = [
  ["reasoning", "pooled"],
  ["reasoning", "group_centred"],
  ["reasoning", "prompt_means"],
  ["counterfactual", "prompt_means"],
];

export const orderOfReadings = ({ points }: Correlations): ReadonlyArray<Order> =>
  shown.flatMap(([target, reading]) => {
    const pairs = points.flatMap((point) => {
      const reasoning = outcomeWith(point, target, reading);
      const perception = outcomeWith(point, "perception", reading);
      if (reasoning === null || perception === null) return [];
      const contrasts = point.contrasts.find(({ reward }) => reward === "outcome");
      const contrast = target === "reasoning" ? contrasts?.[reading] : contrasts?.counterfactual;
      return [{ reasoning, perception, contrast }];
    });
    if (pairs.length === 0) return [];
    const count = (holds: (pair: (typeof pairs)[number]) => boolean) => pairs.filter(holds).length;
    const mean = (of: "reasoning" | "perception") =>
      pairs.reduce((sum, pair) => sum + pair[of], 0) / pairs.length;
    const hasContrast = pairs.some(({ contrast }) => contrast !== undefined);
    return [
      {
        target,
        reading,
        checkpoints: pairs.length,
        reasoningHigher: count(({ reasoning, perception }) => reasoning > perception),
        above: hasContrast ? count(({ contrast }) => (contrast?.low ?? 0) > 0) : null,
        below: hasContrast ? count(({ contrast }) => (contrast?.high ?? 0) < 0) : null,
        withReasoning: mean("reasoning"),
        withPerception: mean("perception"),
      },
    ];
  });

/** The checkpoints whose outcome correlates, in the published reading, with reasoning and with perception as published, and with both. */
export const withinPublished = ({ points, published }: Correlations) => {
  const isWithin = (
    point: CorrelationPoint,
    target: Target,
    { low, high }: { readonly low: number; readonly high: number },
  ): boolean => {
    const value = outcomeWith(point, target, published.reading);
    return value !== null && low <= value && value <= high;
  };
  const reasoning = points.filter((point) =>
    isWithin(point, published.target_of_reasoning, published.outcome_with_reasoning),
  );
  const perception = points.filter((point) =>
    isWithin(point, "perception", published.outcome_with_perception),
  );
  return { reasoning, perception, both: reasoning.filter((point) => perception.includes(point)) };
};

const outcomeWith = (
  { associations }: CorrelationPoint,
  target: Target,
  reading: Reading,
): number | null =>
  associations.find((each) => each.reward === "outcome" && each.target === target)?.[reading]
    .value ?? null;
