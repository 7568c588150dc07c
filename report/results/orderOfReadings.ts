/** Counts the checkpoints where the outcome correlates more with reasoning than with perception, for each reading of "reasoning". */
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { Reading, Target } from "../../schemas/Correlation.ts";
import { readingNames, targetNames } from "./associations.ts";

export interface Order {
  readonly name: string;
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
      const valueWith = (of: Target) =>
        point.associations.find((each) => each.reward === "outcome" && each.target === of)?.[
          reading
        ].value ?? null;
      const [reasoning, perception] = [valueWith(target), valueWith("perception")];
      if (reasoning === null || perception === null) return [];
      const contrast = point.contrasts.find(({ reward }) => reward === "outcome")?.[reading];
      return [{ reasoning, perception, contrast }];
    });
    if (pairs.length === 0) return [];
    const count = (holds: (pair: (typeof pairs)[number]) => boolean) => pairs.filter(holds).length;
    const mean = (of: "reasoning" | "perception") =>
      pairs.reduce((sum, pair) => sum + pair[of], 0) / pairs.length;
    const hasContrast = target === "reasoning";
    return [
      {
        name: `${targetNames[target]}, ${readingNames[reading]}`,
        checkpoints: pairs.length,
        reasoningHigher: count(({ reasoning, perception }) => reasoning > perception),
        above: hasContrast ? count(({ contrast }) => (contrast?.low ?? 0) > 0) : null,
        below: hasContrast ? count(({ contrast }) => (contrast?.high ?? 0) < 0) : null,
        withReasoning: mean("reasoning"),
        withPerception: mean("perception"),
      },
    ];
  });
