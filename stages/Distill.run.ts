/** Answers the training instances, judges the answers and keeps the right ones. */
import { Effect, Result } from "effect";
import { Random } from "../stats/Random.ts";
import { countTokens } from "../tasks/pieces.ts";
import { scoreTranscript } from "../tasks/score.ts";
import { respond } from "../tasks/transcript.ts";
import { type TaskName, tasks } from "../tasks/tasks.ts";
import { type DatasetRow, eachRow, splitsOf, SplitWriter, writeCard } from "../kinds/Dataset.ts";
import { Distill } from "./Distill.ts";
import { singleInput, StageFailed, stageRun } from "./StageRun.ts";
import { teach } from "./teach.ts";

const split = "train_sft";

type Teacher = (typeof Distill)["params"]["Type"]["teacher"];
type Solver = Extract<Teacher, { readonly kind: "solver" }>;

export const distillRun = stageRun(
  Distill,
  Effect.fnUntraced(function* (context) {
    const { params, inputs, output, report } = context;
    const { teacher } = params;
    const { directory } = singleInput(inputs, "data");
    if (!splitsOf(directory).includes(split)) {
      return yield* new StageFailed({
        message: `the data set has no split ${split}, only ${splitsOf(directory).join(", ")}`,
        fix: `give the render stage \`splits: { ${split}: … }\``,
      });
    }
    const taught =
      teacher.kind === "endpoint" ? yield* teach(context, teacher, directory, split) : undefined;
    const transcriptOf = (row: DatasetRow): string => {
      if (teacher.kind === "solver") return solvedTranscript(row, teacher);
      return taught === undefined ? row.response : (taught.transcripts.get(row.id) ?? "");
    };
    const writer = new SplitWriter(output, split);
    const tally = new Tally();
    yield* eachRow(
      directory,
      split,
      { images: true },
      (row) => keepIfRight(row, transcriptOf(row), writer, tally),
      (done, total) => report({ _tag: "Progress", done, total, unit: "transcripts" }),
    );
    writer.finish();
    if (tally.kept === 0) {
      return yield* new StageFailed({
        message:
          taught === undefined
            ? `none of ${tally.seen} transcripts is right`
            : `none of the teacher's replies to ${tally.seen} prompts is right: ${taught.tally.outcomesText}`,
        fix:
          taught === undefined
            ? "check that the data set's ground truth fits its task"
            : "raise `samples` or `max_tokens`, change `prompt`, or take a stronger model",
      });
    }
    writeCard(output, {
      title: `Transcripts of ${authorOf(teacher)}`,
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
        ...(teacher.kind === "endpoint" ? taught?.tally.summary(teacher.price_per_million) : {}),
      },
    };
  }),
);

const authorOf = (teacher: Teacher): string => {
  switch (teacher.kind) {
    case "solver":
      return "the built-in solver";
    case "endpoint":
      return teacher.model;
    case "published":
      return "a published data set";
  }
};

const solvedTranscript = (row: DatasetRow, teacher: Solver): string => {
  const task = tasks[row.task as TaskName];
  const truth = task.readTruth(JSON.parse(row.ground_truth));
  const random = teacher.style === "wordy" ? Random.of("wordy", teacher.seed, row.id) : undefined;
  return Result.isSuccess(truth) ? respond(task, truth.success, random, row.perception) : "";
};

const keepIfRight = (row: DatasetRow, response: string, writer: SplitWriter, tally: Tally) => {
  const { id, task: name, ground_truth, perception } = row;
  const score = scoreTranscript({ id, task: name, ground_truth, perception, response });
  const right = "outcome" in score && score.outcome && score.perception;
  tally.seen += 1;
  if (!right) return;
  tally.keep(response);
  writer.add({ ...row, response });
};

/** Counts of transcripts, and the share of perception in the kept ones, in tokens of the micro tokenizer. */
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
