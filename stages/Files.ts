/** Stage `files`: brings a local file or directory into the experiment, by content. */
import { Effect, Schema } from "effect";
import { copyIn } from "./copyIn.ts";
import { stage } from "./Stage.ts";

export const Files = stage({
  name: "files",
  version: 1,
  summary: "brings in a local file or directory by content",
  params: Schema.Struct({
    path: Schema.NonEmptyString.annotate({ description: "starts from the project's directory" }),
  }),
  inputs: {},
  output: "files",
  sources: (params) => [params.path],
  run: (context) => Effect.as(copyIn(context), { summary: {} }),
});
