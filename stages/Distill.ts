/**
 * Stage `distill`: a teacher answers the training instances from their oracle perception; what it got right becomes a
 * training set. The judge is the one scorer, so a transcript kept here is one that would score full marks.
 */
import { Effect, Result, Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { countTokens } from "../tasks/pieces.ts";
import { scoreTranscript } from "../tasks/score.ts";
import { respond } from "../tasks/transcript.ts";
import { type TaskName, tasks } from "../tasks/tasks.ts";
import { type DatasetRow, eachRow, splitsOf, SplitWriter, writeCard } from "./Dataset.ts";
import { one, stage, StageFailed } from "./Stage.ts";

const Params = Schema.Struct({
  teacher: Schema.Union([Schema.Struct({ kind: Schema.Literal("solver") })]).pipe(
    byDefault({ kind: "solver" }),
  ),
});

const split = "train_sft";

export const Distill = stage({
  name: "distill",
  version: 1,
  summary: "has a teacher write transcripts, and keeps those that are right",
  params: Params,
  inputs: { data: { kinds: ["dataset"] } },
  output: "transcripts",
  run: Effect.fnUntraced(function* ({ inputs, output, report }) {
    const { directory } = one(inputs, "data");
    if (!splitsOf(directory).includes(split)) {
      return yield* new StageFailed({
        message: `the data set has no split ${split}, only ${splitsOf(directory).join(", ")}`,
        fix: `give the render stage \`splits: { ${split}: … }\``,
      });
    }
    const writer = new SplitWriter(output, split);
    const tally = new Tally();
    yield* eachRow(
      directory,
      split,
      { images: true },
      (row) => answer(row, writer, tally),
      (done, total) => report({ _tag: "Progress", done, total, unit: "transcripts" }),
    );
    writer.finish();
    if (tally.kept === 0) {
      return yield* new StageFailed({
        message: `of ${tally.seen} transcripts none is right`,
        fix: "look at the data set: is its ground truth that of the task it names?",
      });
    }
    writeCard(output, {
      title: "Transcripts of the built-in solver",
      about: [
        `${tally.kept} verified transcripts of ${tally.seen}. Perception is ${(100 * tally.perceptionTokenShare).toFixed(1)} % of the tokens.`,
      ],
      splits: [split],
    });
    return {
      summary: {
        rows: tally.kept,
        rejected: tally.seen - tally.kept,
        perception_token_share: tally.perceptionTokenShare,
      },
    };
  }),
});

const answer = (row: DatasetRow, writer: SplitWriter, tally: Tally) => {
  const task = tasks[row.task as TaskName];
  const truth = task.readTruth(JSON.parse(row.ground_truth));
  const response = Result.isSuccess(truth) ? respond(task, truth.success) : "";
  const score = scoreTranscript({
    id: row.id,
    task: row.task,
    ground_truth: row.ground_truth,
    response,
  });
  const right = "outcome" in score && score.outcome && score.perception;
  tally.seen += 1;
  if (!right) return;
  tally.keep(response);
  writer.add({ ...row, response });
};

/** How many transcripts there were, and how much of the kept ones is perception, in tokens of the micro tokenizer. */
class Tally {
  seen = 0;
  kept = 0;
  private tokens = 0;
  private perceptionTokens = 0;

  keep(response: string) {
    const close = "</caption>";
    this.kept += 1;
    this.tokens += countTokens(response);
    this.perceptionTokens += countTokens(response.slice(0, response.indexOf(close) + close.length));
  }

  get perceptionTokenShare(): number {
    return this.tokens === 0 ? 0 : this.perceptionTokens / this.tokens;
  }
}
