/**
 * Stage `pretrained`: brings a Hugging Face model directory into the experiment, by content, as a model that `grpo`, `rollout` and
 * `generate` take. `hf download NAME --revision COMMIT --local-dir PATH` makes such a directory of a model of the Hub.
 */
import { Effect, Schema } from "effect";
import path from "node:path";
import { copyIn } from "./copyIn.ts";
import { wrongWithModel } from "./modelFiles.ts";
import { stage, StageFailed } from "./Stage.ts";

export const Pretrained = stage({
  name: "pretrained",
  version: 1,
  summary: "brings in a model directory by content",
  params: Schema.Struct({
    path: Schema.NonEmptyString.annotate({
      description: "a directory that from_pretrained loads; starts from the project's directory",
    }),
  }),
  inputs: {},
  output: "model",
  sources: (params) => [params.path],
  run: Effect.fnUntraced(function* (context) {
    const { params, project } = context;
    const wrong = yield* Effect.try({
      try: () => wrongWithModel(path.resolve(project, params.path)),
      catch: (cause) =>
        new StageFailed({
          message: `${params.path} can't be read: ${(cause as Error).message}`,
          fix: "make it readable",
        }),
    });
    if (wrong !== undefined) {
      return yield* new StageFailed({
        message: `${params.path} is no model directory: ${wrong}`,
        fix: "name a directory that save_pretrained or `hf download` has written to the end, with the processor's files",
      });
    }
    // A downloaded directory notes in hidden files when that was: the same model is to be the same artifact everywhere.
    yield* copyIn(context, (name) => !name.startsWith("."));
    return { summary: {} };
  }),
});
