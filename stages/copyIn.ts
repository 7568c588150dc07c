/** A local file or directory as a stage's output. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { type StageContext, StageFailed } from "./Stage.ts";

/** Of a directory's files, those whose names `wanted` takes. */
export const copyIn = (
  { params, output, project }: StageContext<{ readonly path: string }>,
  wanted: (name: string) => boolean = () => true,
): Effect.Effect<void, StageFailed> =>
  Effect.tryPromise({
    try: async () => {
      const source = path.resolve(project, params.path);
      const isDirectory = fs.statSync(source).isDirectory();
      const target = isDirectory ? output : path.join(output, path.basename(source));
      const filter = (from: string) => from === source || wanted(path.basename(from));
      await fs.promises.cp(source, target, { recursive: true, dereference: true, filter });
    },
    catch: (cause) =>
      new StageFailed({
        message: `${params.path} can't be copied: ${(cause as Error).message}`,
        fix: "make it readable",
      }),
  });
