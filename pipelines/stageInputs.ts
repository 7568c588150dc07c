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
  return yield* store.query((index): StageInputs => {
    const inputArtifact = (from: Node): InputArtifact => {
      const digest = artifactOf(from);
      const row = index.artifact(digest);
      if (row === undefined) throw forgotten(from, digest);
      const { files, bytes } = row;
      const artifact = { digest, kind: from.stage.output, files, bytes };
      return { artifact, directory: store.directoryOf(digest) };
    };
    return Object.fromEntries(
      Object.entries(node.inputs).map(([name, input]) => [
        name,
        isFanIn(input)
          ? input.map(({ labels, node: element }) => ({ ...inputArtifact(element), labels }))
          : inputArtifact(input),
      ]),
    );
  });
});

const forgotten = ({ name }: Node, digest: string) =>
  new StoreTrouble({
    message: `the index no longer knows the artifact ${digest}, which ${name} made`,
    fix: "run the same line again: it is made anew",
  });

/**
 * Fails when a stage reads what is not what was stored. Asked before the stage begins and once more when it has ended: what
 * was made from files that somebody changed, the stage itself included, must not be kept under the key of the right ones.
 */
export const inputsUntouched = Effect.fnUntraced(function* (inputs: StageInputs) {
  const store = yield* Store;
  for (const [name, input] of Object.entries(inputs)) {
    const elements = [input].flat() as ReadonlyArray<InputArtifact>;
    const touched = yield* store.setTouchedAside(elements.map(({ artifact }) => artifact));
    if (touched === undefined) continue;
    return yield* new StageFailed({
      message: `the files of its input \`${name}\` were changed in the store: ${store.directoryOf(touched.digest)}`,
      fix: "inputs are there to be read; run the same line again, which makes that input anew",
    });
  }
});
