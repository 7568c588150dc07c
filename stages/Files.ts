/** Stage `files`: brings a local file or directory into the experiment, by content. */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { stage, StageFailed } from "./Stage.ts";

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
  run: ({ params, output, project }) =>
    Effect.tryPromise({
      try: async () => {
        const source = path.resolve(project, params.path);
        const isDirectory = fs.statSync(source).isDirectory();
        const target = isDirectory ? output : path.join(output, path.basename(source));
        await fs.promises.cp(source, target, { recursive: true, dereference: true });
        return { summary: {} };
      },
      catch: (cause) =>
        new StageFailed({
          message: `${params.path} can't be copied: ${(cause as Error).message}`,
          fix: "make it readable",
        }),
    }),
});
