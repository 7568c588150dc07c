import { Console, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { Store } from "../../cache/Store.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { plural } from "../view/format.ts";
import { UsageError } from "../UsageError.ts";
import { findArtifact } from "./artifacts.ts";
import { storeHome } from "./project.ts";

export const exportCommand = Command.make(
  "export",
  {
    artifact: Argument.String("artifact").pipe(
      Argument.withDescription("a digest or its beginning, RUN/NODE, or a node of the latest run"),
    ),
    directory: Argument.String("directory").pipe(
      Argument.withDescription("a directory that is not there yet, or is empty"),
    ),
  },
  Effect.fn("pipe export")(function* ({ artifact, directory }) {
    yield* exportTo(artifact, directory).pipe(Effect.provide(Store.layerReadOnly(storeHome())));
  }),
).pipe(Command.withDescription("Copy an artifact's files out of the store"));

const exportTo = Effect.fnUntraced(function* (name: string, directory: string) {
  const store = yield* Store;
  const artifact = yield* findArtifact(name);
  const source = store.directoryOf(artifact.digest);
  yield* Effect.try({
    try: () => {
      if (
        fs.existsSync(directory) &&
        (!fs.statSync(directory).isDirectory() || fs.readdirSync(directory).length > 0)
      ) {
        throw new Error("it is there already and not an empty directory");
      }
      for (const file of artifact.files) {
        const target = path.join(directory, file.path);
        fs.mkdirSync(path.dirname(target), { recursive: true });
        fs.copyFileSync(path.join(source, file.path), target);
        fs.chmodSync(target, file.executable === true ? 0o755 : 0o644);
      }
    },
    catch: (cause) =>
      new UsageError({ message: `can't export to ${directory}: ${(cause as Error).message}` }),
  });
  yield* Console.log(
    `${artifact.kind} ${artifact.digest.slice(0, 12)}: ${plural(artifact.files.length, "file")}, ${bytesText(artifact.bytes)}, in ${directory}`,
  );
});
