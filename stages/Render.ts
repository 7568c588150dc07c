/** Stage `render`: instances of a task, drawn. One row an instance, with its prompt, ground truth and oracle perception. */
import { Effect, Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import fs from "node:fs";
import path from "node:path";
import { ImageParams } from "../tasks/draw/Image.ts";
import {
  imageRandom,
  reportSplits,
  type SplitContents,
  splitInstance,
  type SplitName,
  splitNames,
} from "../tasks/split.ts";
import { ImpossibleTask } from "../tasks/Task.ts";
import { TaskParams, tasks } from "../tasks/tasks.ts";
import { type DatasetRow, SplitWriter, writeCard } from "./Dataset.ts";
import { type ComplaintAboutParams, stage, StageFailed, type StageReport } from "./Stage.ts";
import { inTurns } from "./turns.ts";

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 }));

const Params = Schema.Struct({
  task: TaskParams,
  image: ImageParams.pipe(byDefault({})),
  splits: Schema.Struct({
    test: Schema.optionalKey(Count),
    validation: Schema.optionalKey(Count),
    train_sft: Schema.optionalKey(Count),
    train_rl: Schema.optionalKey(Count),
  })
    .check(Schema.isMinProperties(1, { message: "at least one split" }))
    .annotate({ description: "how many instances each split holds" }),
  seed: Schema.Int.pipe(byDefault(0)),
});
type Params = typeof Params.Type;
export type RenderParams = Params;

export const Render = stage({
  name: "render",
  version: 1,
  summary: "generates and draws the instances of a task",
  params: Params,
  inputs: {},
  output: "dataset",
  check: ({ task }) => wrongWayAround(task),
  run: Effect.fnUntraced(function* ({ params, output, report }) {
    const wanted = splitNames.filter((split) => params.splits[split] !== undefined);
    const total = wanted.reduce((sum, split) => sum + (params.splits[split] ?? 0), 0);
    const contents: Partial<Record<SplitName, SplitContents>> = {};
    let before = 0;
    for (const split of wanted) {
      contents[split] = yield* renderSplit(params, split, output, (done) =>
        report({ _tag: "Progress", done: before + done, total, unit: "pictures" }),
      );
      before += params.splits[split] ?? 0;
    }
    const splits = reportSplits(contents);
    yield* Effect.forEach(overlapWarnings(splits), report, { discard: true });
    fs.writeFileSync(path.join(output, "splits.json"), `${JSON.stringify(splits, null, 2)}\n`);
    writeCard(output, {
      title: `${params.task.kind}, rendered`,
      about: [
        "Instances drawn by `pipe render` with these params:",
        "",
        "```json",
        JSON.stringify(params, null, 2),
        "```",
      ],
      splits: wanted,
    });
    return { summary: { rows: total, splits: splits as never } };
  }),
});

/** The ranges of a task, least and greatest, whose least is above the greatest. */
const wrongWayAround = (task: TaskParams): ReadonlyArray<ComplaintAboutParams> => {
  const ranges = task.kind === "sudoku" ? { blanks: task.blanks } : { edges: task.edges };
  return Object.entries(ranges).flatMap(([name, range]) =>
    typeof range !== "object" || range[0] <= range[1]
      ? []
      : [
          {
            path: ["task", name, 0],
            message: `there are no ${name} from ${range[0]} to ${range[1]}`,
            expected: `at most ${range[1]}, the greatest number`,
          },
        ],
  );
};

const renderSplit = Effect.fnUntraced(function* (
  params: Params,
  split: SplitName,
  output: string,
  progress: (done: number) => Effect.Effect<void>,
) {
  const writer = new SplitWriter(output, split);
  const identities: Array<string> = [];
  let forced = 0;
  const one = (index: number) => {
    const drawn = renderRow(params, split, index);
    writer.add(drawn.row);
    identities.push(drawn.identity);
    if (drawn.forced) forced += 1;
  };
  yield* inTurns(params.splits[split] ?? 0, one, progress).pipe(Effect.catchDefect(impossible));
  writer.finish();
  return { identities, forced };
});

/** Row `index` of a split: a function of the params, the split and the index alone. */
const renderRow = (params: Params, split: SplitName, index: number) => {
  const task = tasks[params.task.kind];
  const { truth, forced } = splitInstance(task, params.task, params.seed, split, index);
  const id = `${split}-${String(index).padStart(6, "0")}`;
  const bytes = task.draw(truth, params.task, params.image, imageRandom(params.seed, split, index));
  const row: DatasetRow = {
    id,
    task: task.name,
    query: task.prompt(truth),
    image: { bytes, path: `${id}.png` },
    ground_truth: task.groundTruth(truth),
    perception: task.perception(truth),
    response: "",
  };
  return { row, identity: task.identity(truth), forced };
};

const impossible = (defect: unknown) =>
  defect instanceof ImpossibleTask
    ? Effect.fail(
        new StageFailed({
          message: defect.message,
          fix: "ask for instances that exist: loosen the task's params",
        }),
      )
    : Effect.die(defect);

const overlapWarnings = (splits: ReturnType<typeof reportSplits>): ReadonlyArray<StageReport> =>
  splits.overlaps
    .filter(
      ({ splits: [one, other], shared }) =>
        shared > 0 && !(one.startsWith("train") && other.startsWith("train")),
    )
    .map(({ splits: [one, other], shared }) => ({
      _tag: "Message",
      level: "warn",
      message: `${shared} instances are in ${one} and in ${other}: the task has too few to keep them apart`,
    }));
