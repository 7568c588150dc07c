/** Judges the predictions of both modes by the truths of the split that they answer. */
import { Effect } from "effect";
import { readTruths, splitOfExample, splitsOf, type Truth } from "../kinds/Dataset.ts";
import { type Prediction, readPredictions } from "../kinds/Predictions.ts";
import { type ScoreLine, writeScores } from "../kinds/Scores.ts";
import { accuracies } from "../stats/accuracies.ts";
import { digestBytes } from "../schemas/Digest.ts";
import type { Mode } from "../schemas/Mode.ts";
import { examine } from "../tasks/examine.ts";
import { scoreTranscript } from "../tasks/score.ts";
import { Score } from "./Score.ts";
import { singleInput, StageFailed, type StageInputs, stageRun } from "./StageRun.ts";

export const scoreRun = stageRun(
  Score,
  Effect.fnUntraced(function* ({ inputs, output, report }) {
    const endToEnd = yield* predictionsOf(inputs, "end_to_end", "end-to-end");
    const counterfactual = yield* predictionsOf(inputs, "counterfactual", "counterfactual");
    yield* checkSameExamples(endToEnd, counterfactual);
    const truths = yield* truthsOf(endToEnd, singleInput(inputs, "data").directory);
    const scores = yield* orFailure(() => [
      ...judge(endToEnd, "end-to-end", truths),
      ...judge(counterfactual, "counterfactual", truths),
    ]);
    writeScores(output, scores);
    // Scores are in the order of the predictions. A response that leaves a block open and ends by itself is none that was cut off.
    const cut = [...endToEnd, ...counterfactual].filter(
      ({ truncated }, index) => truncated && scores[index]?.reason === "truncated",
    ).length;
    if (cut > mostCut * scores.length)
      yield* report({ _tag: "Message", level: "warn", message: cutWarning(cut, scores.length) });
    const { a, a_p, a_r } = accuracies([scores]);
    const facts = { n: a?.n ?? 0, a: a?.value ?? null, a_p: a_p?.value ?? null };
    return { summary: { ...facts, a_r: a_r?.value ?? null } };
  }),
);

/** The share of responses without an answer for want of tokens above which the accuracies measure the limit as well. */
const mostCut = 0.01;

const cutWarning = (cut: number, all: number): string =>
  `${cut} of ${all} responses ended before an answer, cut off by \`max_tokens\` of \`generate\`: raise it, or read the accuracies as those under this limit`;

const orFailure = <A>(work: () => A): Effect.Effect<A, StageFailed> =>
  Effect.try({
    try: work,
    catch: (cause) =>
      new StageFailed({
        message: (cause as Error).message,
        fix: "check the stage that made the predictions",
      }),
  });

/** An input may have the predictions of both modes. */
const predictionsOf = (inputs: StageInputs, input: string, mode: Mode) =>
  orFailure(() => {
    const all = readPredictions(singleInput(inputs, input).directory);
    const asked = all.filter((prediction) => prediction.mode === mode);
    const [other] = all;
    if (asked.length === 0 && other !== undefined)
      throw new Error(`the input of ${mode} predictions has ${other.mode} ones`);
    return asked;
  });

/** `a` and `a_r` are compared, so they must be of the same examples. */
const checkSameExamples = (
  endToEnd: ReadonlyArray<Prediction>,
  counterfactual: ReadonlyArray<Prediction>,
): Effect.Effect<void, StageFailed> => {
  const [ids, others] = [endToEnd, counterfactual].map((all) => new Set(all.map(({ id }) => id)));
  const unmatched =
    endToEnd.find(({ id }) => !others!.has(id)) ?? counterfactual.find(({ id }) => !ids!.has(id));
  if (unmatched === undefined) return Effect.void;
  return new StageFailed({
    message: `${unmatched.id} was answered in one mode only`,
    fix: "give both generate stages the same split and limit",
  });
};

type Truths = ReadonlyMap<string, Truth>;

/** The truths of the split that the predictions answer. */
const truthsOf = ([first]: ReadonlyArray<Prediction>, data: string) => {
  const split = first && splitOfExample(first.id);
  return split !== undefined && splitsOf(data).includes(split)
    ? readTruths(data, split)
    : Effect.succeed<Truths>(new Map());
};

/** Throws on predictions that don't fit the data set. */
const judge = (
  predictions: ReadonlyArray<Prediction>,
  mode: Mode,
  truths: Truths,
): ReadonlyArray<ScoreLine> => {
  const seen = new Set<string>();
  return predictions.map(({ id, response, truncated }) => {
    const truth = truths.get(id);
    if (truth === undefined)
      throw new Error(`the prediction ${id} answers no example of the data set`);
    if (seen.has(id)) throw new Error(`there are two predictions for ${id}`);
    seen.add(id);
    const score = scoreTranscript({ id, ...truth, response, mode });
    if ("error" in score) throw new Error(`${id} can't be scored: ${score.error}`);
    const { outcome, perception, perception_f1, consistent, reason } = score;
    const { identity, errors } = examine(truth.task, truth.ground_truth, response);
    return {
      id,
      mode,
      outcome,
      perception,
      perception_f1,
      consistent,
      // The judge sees the text alone, which ends before the answer either way.
      reason: truncated && reason === "no-answer" ? "truncated" : reason,
      instance: digestBytes(`${truth.task} ${identity}`).slice(0, 16),
      ...(mode === "end-to-end" ? { errors } : {}),
    };
  });
};
