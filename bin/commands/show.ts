import { Effect } from "effect";
import { Argument, Command } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { sampledModels } from "../../kinds/Model.ts";
import { numbersIn } from "../../kinds/kinds.ts";
import { actionText } from "../view/actionText.ts";
import { terminalWidth } from "../view/terminalWidth.ts";
import { styleFor } from "../view/style.ts";
import { findArtifact } from "./artifacts.ts";
import { storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { printText } from "../view/printText.ts";
import { jsonFlag } from "./specFlags.ts";

const shownFiles = 40;

export const showCommand = Command.make(
  "show",
  {
    artifact: Argument.String("artifact").pipe(
      Argument.withDescription("a digest or its beginning, RUN/NODE, or a node of the latest run"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe show")(function* ({ artifact: name, json }) {
    yield* show(name, json).pipe(Effect.provide(Store.layerReadOnly(storeHome())));
  }),
).pipe(Command.withDescription("Show an artifact: its files, how it was made, and at what cost"));

const show = Effect.fnUntraced(function* (name: string, json: boolean) {
  const store = yield* Store;
  const artifact = yield* findArtifact(name);
  const actions = yield* store.query((index) => index.actionsOf(artifact.digest));
  if (json)
    return void process.stdout.write(
      jsonLine({ artifact, directory: store.directoryOf(artifact.digest), actions }),
    );
  const style = styleFor(process.stdout);
  const numbers = yield* store.query((index) =>
    numbersIn(
      artifact.kind,
      () => [store.directoryOf(artifact.digest)],
      () => sampledModels(artifact.digest, (digest) => index.actionsOf(digest)[0]),
    ),
  );
  const lines = [
    `${style.bold(artifact.kind)} ${artifact.digest}`,
    `${store.directoryOf(artifact.digest)}`,
    "",
    ...artifact.files
      .slice(0, shownFiles)
      .map((file) => `  ${bytesText(file.size).padStart(8)}  ${file.path}`),
    ...(artifact.files.length > shownFiles
      ? [`  … ${artifact.files.length} files, ${bytesText(artifact.bytes)} in all`]
      : []),
    ...actions.flatMap((action) => ["", ...actionText(action, style)]),
    ...(numbers === undefined
      ? []
      : ["", numbers.text("the numbers", style, { width: terminalWidth() })]),
  ];
  yield* printText(lines.join("\n"));
});
