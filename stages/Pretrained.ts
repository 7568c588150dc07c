/**
 * Stage `pretrained`: brings a Hugging Face model directory into the experiment, by content, as a model that `grpo`, `rollout` and
 * `generate` take. `hf download NAME --revision COMMIT --local-dir PATH` makes such a directory of a model of the Hub.
 */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { copyIn } from "./copyIn.ts";
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
    const missing = missingIn(path.resolve(project, params.path));
    if (missing !== undefined) {
      return yield* new StageFailed({
        message: `${params.path} is no model directory: ${missing}`,
        fix: "name a directory that save_pretrained or `hf download` has written, with the processor's files",
      });
    }
    // A downloaded directory notes in hidden files when that was: the same model is to be the same artifact everywhere.
    yield* copyIn(context, (name) => !name.startsWith("."));
    return { summary: {} };
  }),
});

const missingIn = (directory: string): string | undefined => {
  if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return "it is none";
  const names = fs.readdirSync(directory);
  if (!names.includes("config.json")) return "it has no config.json";
  if (!names.some((name) => name.endsWith(".safetensors"))) return "it has no *.safetensors";
  return undefined;
};
