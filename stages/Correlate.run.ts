/** Reads rollouts, correlates and resamples them, and writes the correlations. */
import { Effect } from "effect";
import { type Correlations, writeCorrelations } from "../kinds/CorrelationsFile.ts";
import { inTurns } from "../kinds/inTurns.ts";
import type { AcrossCheckpoints } from "../schemas/Correlation.ts";
import { acrossCheckpoints } from "../stats/acrossCheckpoints.ts";
import { CheckpointCorrelations } from "../stats/CheckpointCorrelations.ts";
import { targets } from "../stats/rewardCorrelations.ts";
import { RolloutSums } from "../stats/RolloutSums.ts";
import { Correlate } from "./Correlate.ts";
import { readRollouts } from "./readRollouts.ts";
import { type FanInElement, fanIn, stageRun } from "./StageRun.ts";

export const correlateRun = stageRun(
  Correlate,
  Effect.fnUntraced(function* ({ params, inputs, output, report }) {
    const elements = fanIn(inputs, "rollouts");
    const checkpoints: Array<Checkpoint> = [];
    for (const element of elements) checkpoints.push(yield* read(element, params));
    const total = elements.length * params.resamples;
    let before = 0;
    for (const { correlations } of checkpoints) {
      yield* inTurns(
        params.resamples,
        () => correlations.draw(),
        (done) => report({ _tag: "Progress", done: before + done, total, unit: "resamples" }),
      );
      before += params.resamples;
    }
    const made: Correlations = {
      format: 1,
      axes: Object.keys(elements[0]?.labels ?? {}),
      interval: {
        method: "bootstrap, BCa; across checkpoints percentile",
        clusters: "prompts",
        confidence: 0.95,
        resamples: params.resamples,
        seed: params.seed,
      },
      published,
      points: checkpoints.map(({ labels, correlations }) => correlations.point(labels)),
      across: across(checkpoints.map(({ correlations }) => correlations)),
    };
    writeCorrelations(output, made);
    const rollouts = made.points.reduce((sum, point) => sum + point.rollouts.end_to_end, 0);
    return { summary: { checkpoints: made.points.length, rollouts } };
  }),
);

/** From the project page of arXiv 2605.29496; the paper's text was not available. */
const published: Correlations["published"] = {
  source: "arXiv 2605.29496, its project page",
  outcome_with_reasoning: { low: 0.65, high: 1 },
  outcome_with_perception: { low: 0.34, high: 0.43 },
  reading: "pooled",
  target_of_reasoning: "reasoning",
  note: "How the paper computes its correlations is not known to us. Our choice: Pearson over all rollouts (phi, both being 0/1).",
};

interface Checkpoint {
  readonly labels: FanInElement["labels"];
  readonly correlations: CheckpointCorrelations;
}

const read = Effect.fnUntraced(function* (
  element: FanInElement,
  params: typeof Correlate.params.Type,
) {
  const sums = new RolloutSums();
  yield* readRollouts(element, params, (rollout) => sums.add(rollout));
  return {
    labels: element.labels,
    correlations: new CheckpointCorrelations(sums, params.seed),
  };
});

const across = (
  checkpoints: ReadonlyArray<CheckpointCorrelations>,
): ReadonlyArray<AcrossCheckpoints> => {
  const others = new Set(checkpoints.flatMap(({ rewards }) => rewards));
  others.delete("outcome");
  return ["outcome", ...[...others].sort()].flatMap((reward) =>
    targets.map((target) => {
      const means = checkpoints
        .filter(({ rewards }) => rewards.includes(reward))
        .map((each) => [each.resampledMean({ reward }), each.resampledMean({ target })] as const);
      const { checkpoints: n, value, interval } = acrossCheckpoints(means, { reward, target });
      const { low, high, reason } = interval;
      return {
        reward,
        target,
        checkpoints: n,
        spearman: { value: value.value, low, high, reason: value.reason ?? reason },
      };
    }),
  );
};
