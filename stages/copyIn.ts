/** Copies a local file or directory to a stage's output. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { SourceRules } from "../cache/SourceRules.ts";
import { isDiskTrouble, storeTrouble } from "../cache/StoreTrouble.ts";
import { listFiles } from "../cache/Tree.ts";
import { type StageContext, StageFailed } from "./StageRun.ts";

/** Copies the files of a directory that count as its source and whose names, and those of their directories, are `wanted`. */
export const copyIn = (
  { params, output, project }: StageContext<{ readonly path: string }>,
  wanted: (name: string) => boolean = () => true,
): Effect.Effect<void, StageFailed> =>
  Effect.tryPromise({
    try: async (signal) => {
      const source = path.resolve(project, params.path);
      if (!fs.statSync(source).isDirectory())
        return fs.promises.copyFile(source, path.join(output, path.basename(source)));
      const isIgnored = new SourceRules(project).below(source);
      const { files } = listFiles(
        fs.realpathSync(source),
        (file, isDirectory) => !wanted(path.basename(file)) || isIgnored(file, isDirectory),
      );
      for (const file of files) {
        signal.throwIfAborted();
        const target = path.join(output, file);
        fs.mkdirSync(path.dirname(target), { recursive: true });
        await fs.promises.copyFile(path.join(source, file), target);
      }
    },
    catch: (cause) =>
      new StageFailed({
        message: `${params.path} can't be copied: ${(cause as Error).message}`,
        fix: isDiskTrouble(cause) ? storeTrouble("")(cause).fix : "make it readable",
      }),
  });
