/** Stage `render`: pictures of a task's instances; each row has the prompt, the ground truth and the oracle perception. */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Seed } from "../schemas/numbers.ts";
import { ImageParams } from "../tasks/draw/Image.ts";
import { TaskParams, tasks } from "../tasks/tasks.ts";
import { stage } from "./Stage.ts";

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 }));

const Instances = (use: string) =>
  Schema.optionalKey(Count.annotate({ description: `instances ${use}; left out: none` }));

const Params = Schema.Struct({
  task: TaskParams.annotate({ description: "the task and the distribution of its instances" }),
  image: ImageParams.annotate({ description: "how instances are drawn" }).pipe(byDefault({})),
  splits: Schema.Struct({
    test: Instances("for the numbers of a study"),
    validation: Instances("for choices made before the test"),
    train_sft: Instances("for supervised training"),
    train_rl: Instances("for reinforcement learning"),
  })
    .check(Schema.isMinProperties(1, { message: "at least one split" }))
    .annotate({ description: "the number of instances of each split" }),
  seed: Seed.annotate({ description: "of the instances and their pictures" }).pipe(byDefault(0)),
});
export type RenderParams = typeof Params.Type;

export const Render = stage({
  name: "render",
  version: 1,
  summary: "generates and draws the instances of a task",
  example: `data:
  use: render
  with:
    task: { kind: graph-coloring, vertices: 5 }
    image: { size: 64, color: false, noise: 0.3 }
    splits: { train_sft: 16000, train_rl: 1920, validation: 300, test: 500 }
    seed: 7`,
  params: Params,
  inputs: {},
  output: "dataset",
  work: ({ splits }) => Object.values(splits).reduce((sum, rows) => sum + rows, 0),
  check: ({ task }) =>
    tasks[task.kind].check(task).map((issue) => ({ ...issue, path: ["task", ...issue.path] })),
});
