import { Console, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { bytesText, duration } from "../../schemas/quantity.ts";
import { numbersIn } from "../view/numbers.ts";
import { styleFor } from "../view/style.ts";
import { findArtifact } from "./artifacts.ts";
import { storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
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
).pipe(
  Command.withDescription("Show an artifact: its files, what made it, from what, and at what cost"),
);

const show = Effect.fnUntraced(function* (name: string, json: boolean) {
  const store = yield* Store;
  const artifact = yield* findArtifact(name);
  const actions = yield* store.query((index) => index.actionsOf(artifact.digest));
  if (json)
    return void process.stdout.write(
      jsonLine({ artifact, directory: store.directoryOf(artifact.digest), actions }),
    );
  const style = styleFor(process.stdout);
  const numbers = numbersIn(artifact.kind, [store.directoryOf(artifact.digest)]);
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
    ...actions.flatMap((action) => [
      "",
      `made by ${style.bold(action.stage)} in ${duration(action.cost.wallSeconds)} on ${action.environment["gpus"] ?? action.environment["cpu"] ?? "an unknown processor"}, ${action.finishedAt}`,
      `  recipe  ${action.recipe}`,
      `  content ${action.content}`,
      indent(JSON.stringify(action.keyParts, null, 2)),
      ...(Object.keys(action.summary).length === 0
        ? []
        : ["  said:", indent(JSON.stringify(action.summary, null, 2))]),
    ]),
    ...(numbers === undefined ? [] : ["", numbers.text("the numbers", style)]),
  ];
  yield* Console.log(lines.join("\n"));
});

const indent = (text: string): string => text.replace(/^/gmu, "  ");
