/**
 * Stage `correlate`: what the outcome reward and every surrogate go along with in rollouts: with perception (the caption is
 * p*), with reasoning under the model's own caption, and with counterfactual reasoning of the same prompts.
 *
 * Three readings: pooled over rollouts, centred on the means of their groups (the variation that GRPO learns from), and of
 * the prompts' means. Intervals come from resampling prompts. Given several checkpoints, also the rank correlation of their
 * means.
 */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { byDefault } from "../schemas/byDefault.ts";
import type { AcrossCheckpoints, Correlations } from "../schemas/Correlation.ts";
import { acrossCheckpoints } from "../stats/acrossCheckpoints.ts";
import { CheckpointCorrelations } from "../stats/CheckpointCorrelations.ts";
import { targets } from "../stats/rewardCorrelations.ts";
import { RolloutSums } from "../stats/RolloutSums.ts";
import { correlationsCsv } from "./correlationsCsv.ts";
import { modelDescription } from "./modelDescription.ts";
import { eachRollout } from "./rolloutLines.ts";
import { type ComplaintAboutParams, type FanInElement, many, stage, StageFailed } from "./Stage.ts";
import { inTurns } from "./turns.ts";

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));

const Params = Schema.Struct({
  resamples: Schema.Int.check(Schema.isGreaterThanOrEqualTo(100))
    .annotate({ description: "of the prompts, for the intervals" })
    .pipe(byDefault(2000)),
  seed: Schema.Int.annotate({ description: "of the resamples" }).pipe(byDefault(0)),
  steps: Schema.optionalKey(
    Schema.Struct({ first: Count, last: Count }).annotate({
      description: "only the rollouts of these training steps; by default all",
    }),
  ),
});
type Params = typeof Params.Type;

const noSteps = ({ steps }: Params): ReadonlyArray<ComplaintAboutParams> =>
  steps === undefined || steps.first <= steps.last
    ? []
    : [
        {
          path: ["steps", "first"],
          message: `there are no steps from ${steps.first} to ${steps.last}`,
          expected: `at most \`last\`, ${steps.last}`,
        },
      ];

export const Correlate = stage({
  name: "correlate",
  version: 2,
  summary: "correlates rewards with perception and reasoning in rollouts",
  params: Params,
  // A trained model brings those of its training; others come as files.
  inputs: { rollouts: { kinds: ["rollouts", "model", "files"], many: true } },
  output: "correlations",
  check: noSteps,
  run: Effect.fnUntraced(function* ({ params, inputs, output, report }) {
    const elements = many(inputs, "rollouts");
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
      models: [...new Set(elements.flatMap(({ directory }) => modelDescription(directory)))],
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
    fs.writeFileSync(path.join(output, "correlations.json"), `${JSON.stringify(made, null, 2)}\n`);
    fs.writeFileSync(path.join(output, "correlations.csv"), correlationsCsv(made));
    const rollouts = made.points.reduce((sum, point) => sum + point.rollouts.end_to_end, 0);
    return { summary: { checkpoints: made.points.length, rollouts } };
  }),
});

/** From the project page of arXiv 2605.29496; the paper's text was not to be had. */
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

const read = Effect.fnUntraced(function* ({ labels, directory }: FanInElement, params: Params) {
  const { steps } = params;
  const sums = new RolloutSums();
  yield* Effect.tryPromise({
    try: (signal) =>
      eachRollout(
        directory,
        (rollout) => {
          if (steps === undefined || (steps.first <= rollout.step && rollout.step <= steps.last))
            sums.add(rollout);
        },
        signal,
      ),
    catch: (cause) =>
      new StageFailed({
        message: `${nameOf(labels)}${(cause as Error).message}`,
        fix: "a line of rollouts is what schemas/Rollout.ts says: look at what made them",
      }),
  });
  if (sums.counts.end_to_end === 0) {
    const among = steps === undefined ? "" : ` of the steps ${steps.first} to ${steps.last}`;
    return yield* new StageFailed({
      message: `${nameOf(labels)}there are no end-to-end rollouts${among}`,
      fix: "correlations are of responses to the picture: sample some",
    });
  }
  return { labels, correlations: new CheckpointCorrelations(sums, params.seed) };
});

/** Which element a message is about. */
const nameOf = (labels: FanInElement["labels"]): string => {
  const texts = Object.entries(labels).map(([axis, label]) => `${axis}=${label}`);
  return texts.length === 0 ? "" : `${texts.join(",")}: `;
};

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
