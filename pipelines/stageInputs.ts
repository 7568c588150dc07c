/** A node's inputs as its stage sees them: artifacts, and where their files lie. */
import { Effect } from "effect";
import { Store } from "../cache/Store.ts";
import { StoreTrouble } from "../cache/StoreTrouble.ts";
import type { InputArtifact, StageInputs } from "../stages/Stage.ts";
import type { Node } from "./Compile.ts";
import type { RunContext } from "./Execute.ts";
import { isFanIn } from "./Plan.ts";

export const stageInputs = Effect.fnUntraced(function* (
  node: Node,
  { artifactOf }: Pick<RunContext, "artifactOf">,
) {
  const store = yield* Store;
  const inputs: Record<string, StageInputs[string]> = {};
  for (const [name, input] of Object.entries(node.inputs)) {
    inputs[name] = isFanIn(input)
      ? yield* Effect.forEach(input, ({ labels, node: element }) =>
          Effect.map(inputArtifact(store, artifactOf, element), (found) => ({ ...found, labels })),
        )
      : yield* inputArtifact(store, artifactOf, input);
  }
  return inputs satisfies StageInputs;
});

const inputArtifact = Effect.fnUntraced(function* (
  store: Store["Service"],
  artifactOf: RunContext["artifactOf"],
  node: Node,
) {
  const digest = artifactOf(node);
  const row = yield* store.query((index) => index.artifact(digest));
  if (row === undefined)
    return yield* new StoreTrouble({
      message: `the index no longer knows the artifact ${digest}, which ${node.name} made`,
      fix: "run the same line again: it is made anew",
    });
  const { files, bytes } = row;
  const artifact = { digest, kind: node.stage.output, files, bytes };
  return { artifact, directory: store.directoryOf(digest) } satisfies InputArtifact;
});
