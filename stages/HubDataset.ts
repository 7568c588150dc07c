/**
 * Stage `hub-dataset`: a data set of the Hub with the columns `query`, `image`, `ground_truth` and `response`, such as
 * `xqwu/asymmetric-VLM__gc` and `__sudoku`. The task's solver checks each ground truth; a row that it contradicts is left out
 * and listed in `disagreements.jsonl`. `xqwu/asymmetric-VLM__lf` has chats without ground truth and is refused: the responses of
 * `train_sft` in these two sets can be checked (`distill` with `teacher: { kind: published }`).
 */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { splitNames } from "../tasks/split.ts";
import { taskNames } from "../tasks/tasks.ts";
import { HubName, HubRevision } from "./hubParams.ts";
import { stage } from "./Stage.ts";

const Params = Schema.Struct({
  repo: HubName.annotate({ description: "the data set's name, such as xqwu/asymmetric-VLM__gc" }),
  revision: HubRevision.annotate({ description: "the commit, 40 hexadecimal digits" }),
  task: Schema.Literals(taskNames).annotate({
    description: "the task that the ground truths are instances of",
  }),
  splits: Schema.NullOr(Schema.NonEmptyArray(Schema.Literals(splitNames)).check(Schema.isUnique()))
    .annotate({ description: "the splits to take; by default all with names that pipe knows" })
    .pipe(byDefault(null)),
  folder: Schema.String.annotate({
    description: "the folder of its files SPLIT-00000-of-00001.parquet",
  }).pipe(byDefault("data")),
  query: Schema.Literals(["kept", "rewritten"])
    .annotate({
      description:
        "kept: the data set's own questions; rewritten: the task's, which ask for the answer in the form that the scorer reads",
    })
    .pipe(byDefault("kept")),
});
export type HubDatasetParams = typeof Params.Type;

export const HubDataset = stage({
  name: "hub-dataset",
  version: 1,
  summary: "imports a data set of the Hub and checks its ground truth",
  example: `published:
  use: hub-dataset
  with:
    repo: xqwu/asymmetric-VLM__gc
    revision: 0123456789abcdef0123456789abcdef01234567
    task: graph-coloring`,
  params: Params,
  inputs: {},
  output: "dataset",
});
