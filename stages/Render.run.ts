/** Draws the splits, row by row, and reports how far they overlap. */
import { Effect } from "effect";
import {
  imageRandom,
  reportSplits,
  type SplitContents,
  splitInstance,
  type SplitName,
  splitNames,
} from "../tasks/split.ts";
import { ImpossibleTask } from "../tasks/Task.ts";
import { tasks } from "../tasks/tasks.ts";
import {
  type DatasetRow,
  exampleId,
  SplitWriter,
  writeCard,
  writeSplitsReport,
} from "../kinds/Dataset.ts";
import { Render, type RenderParams } from "./Render.ts";
import { StageFailed, type StageReport, stageRun } from "./StageRun.ts";
import { inTurns } from "../kinds/inTurns.ts";

export const renderRun = stageRun(
  Render,
  Effect.fnUntraced(function* ({ params, output, report }) {
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
    writeSplitsReport(output, splits);
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
);

const renderSplit = Effect.fnUntraced(function* (
  params: RenderParams,
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

/** Row `index` of a split depends on the params, the split and the index alone. */
const renderRow = (params: RenderParams, split: SplitName, index: number) => {
  const task = tasks[params.task.kind];
  const { truth, forced } = splitInstance(task, params.task, params.seed, split, index);
  const id = exampleId(split, index);
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
          fix: "loosen the task's params until instances exist",
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
      message: `${one} and ${other} share ${shared} instances: the task has too few for disjoint splits`,
    }));
