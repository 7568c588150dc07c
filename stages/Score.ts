/**
 * Stage `score`: judges what a model said, by the one scorer (`tasks/score.ts`), against the data set's own ground truth.
 *
 * `scores.jsonl` has a line for each example and mode. `a` and `a_p` are the means of `outcome` and `perception` over the
 * end-to-end lines, `a_r` is the mean of `outcome` over the counterfactual ones.
 */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { ScoreLine } from "../schemas/ScoreLine.ts";
import { accuracies } from "../stats/accuracies.ts";
import { scoreTranscript } from "../tasks/score.ts";
import { eachRow, splitsOf } from "./Dataset.ts";
import { lines } from "./jsonLines.ts";
import { one, stage, StageFailed } from "./Stage.ts";

const Prediction = Schema.Struct({
  id: Schema.String,
  mode: ScoreLine.fields.mode,
  response: Schema.String,
});

const decodePrediction = Schema.decodeUnknownSync(Schema.fromJsonString(Prediction));

const modes = { end_to_end: "end-to-end", counterfactual: "counterfactual" } as const;

export const Score = stage({
  name: "score",
  version: 1,
  summary: "judges predictions: outcome, perception, consistency, and why",
  params: Schema.Struct({}),
  inputs: {
    data: { kinds: ["dataset"] },
    end_to_end: { kinds: ["predictions"] },
    counterfactual: { kinds: ["predictions"] },
  },
  output: "scores",
  run: Effect.fnUntraced(function* ({ inputs, output }) {
    const truths = yield* readTruths(one(inputs, "data").directory);
    const scores: Array<ScoreLine> = [];
    for (const [input, mode] of Object.entries(modes)) {
      const { directory } = one(inputs, input);
      const file = path.join(directory, "predictions.jsonl");
      const scored = yield* Effect.try({
        try: () => scoreFile(file, mode, truths),
        catch: (cause) =>
          new StageFailed({
            message: (cause as Error).message,
            fix: "look at the stage that made the predictions",
          }),
      });
      scores.push(...scored);
    }
    yield* sameExamples(scores);
    fs.writeFileSync(
      path.join(output, "scores.jsonl"),
      scores.map((score) => `${JSON.stringify(score)}\n`).join(""),
    );
    const model = path.join(one(inputs, "end_to_end").directory, "model.json");
    if (fs.existsSync(model)) fs.copyFileSync(model, path.join(output, "model.json"));
    const { a, a_p, a_r } = accuracies(scores);
    const facts = { n: a?.n ?? 0, a: a?.value ?? null, a_p: a_p?.value ?? null };
    return { summary: { ...facts, a_r: a_r?.value ?? null } };
  }),
});

/** `a` and `a_r` stand side by side, so they must be of the same examples. */
const sameExamples = (scores: ReadonlyArray<ScoreLine>): Effect.Effect<void, StageFailed> => {
  const modesOf = new Map<string, number>();
  for (const { id } of scores) modesOf.set(id, (modesOf.get(id) ?? 0) + 1);
  const lonely = [...modesOf].find(([, count]) => count !== Object.keys(modes).length);
  if (lonely === undefined) return Effect.void;
  return new StageFailed({
    message: `${lonely[0]} was answered in one mode only`,
    fix: "let both generate stages have the same split and limit",
  });
};

interface Truth {
  readonly task: string;
  readonly ground_truth: string;
  readonly perception: string;
}

const readTruths = Effect.fnUntraced(function* (directory: string) {
  const truths = new Map<string, Truth>();
  for (const split of splitsOf(directory)) {
    yield* eachRow(directory, split, { images: false }, ({ id, task, ground_truth, perception }) =>
      truths.set(id, { task, ground_truth, perception }),
    );
  }
  return truths;
});

/** Throws, with a sentence, on predictions that don't belong to the data set. */
const scoreFile = (
  file: string,
  mode: ScoreLine["mode"],
  truths: ReadonlyMap<string, Truth>,
): ReadonlyArray<ScoreLine> => {
  const seen = new Set<string>();
  return lines(file).map((line) => {
    const prediction = decodePrediction(line);
    const truth = truths.get(prediction.id);
    if (truth === undefined)
      throw new Error(`the prediction ${prediction.id} answers no example of the data set`);
    if (seen.has(prediction.id)) throw new Error(`there are two predictions for ${prediction.id}`);
    if (prediction.mode !== mode)
      throw new Error(`the predictions given as ${mode} were made ${prediction.mode}`);
    seen.add(prediction.id);
    const score = scoreTranscript({
      id: prediction.id,
      ...truth,
      response: prediction.response,
      mode,
    });
    if ("error" in score) throw new Error(`${prediction.id} can't be scored: ${score.error}`);
    const { outcome, perception, perception_f1, consistent, reason } = score;
    return { id: prediction.id, mode, outcome, perception, perception_f1, consistent, reason };
  });
};
