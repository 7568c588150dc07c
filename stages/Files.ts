/** Stage `files`: imports a local file or directory by content. */
import { Schema } from "effect";
import { stage } from "./Stage.ts";

export const Files = stage({
  name: "files",
  version: 1,
  summary: "imports a local file or directory by content",
  example: `notes: { use: files, with: { path: notes } }`,
  params: Schema.Struct({
    path: Schema.NonEmptyString.annotate({
      description: "a path, relative to the project's directory",
    }),
  }),
  inputs: {},
  output: "files",
  sources: (params) => [params.path],
});
