/** A node's inputs as its stage sees them: artifacts, and where their files lie. */
import { Effect } from "effect";
import { Store } from "../cache/Store.ts";
import { StoreTrouble } from "../cache/StoreTrouble.ts";
import { type InputArtifact, StageFailed, type StageInputs } from "../stages/Stage.ts";
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

/**
 * Fails when what a stage reads is not what was stored. Asked before the stage begins and once more when it has ended: what
 * was made from files that somebody changed, the stage itself included, must not be kept under the key of the right ones.
 */
export const inputsUntouched = Effect.fnUntraced(function* (inputs: StageInputs) {
  const store = yield* Store;
  for (const [name, input] of Object.entries(inputs)) {
    for (const { artifact } of [input].flat() as ReadonlyArray<InputArtifact>) {
      if (yield* store.isUntouched(artifact)) continue;
      yield* store.setAside(artifact);
      return yield* new StageFailed({
        message: `the files of its input \`${name}\` were changed in the store: ${store.directoryOf(artifact.digest)}`,
        fix: "inputs are there to be read; run the same line again, which makes that input anew",
      });
    }
  }
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
