/** A node's inputs as its stage sees them: artifacts with their directories. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import { StoreTrouble } from "../../cache/StoreTrouble.ts";
import { type InputArtifact, StageFailed, type StageInputs } from "../../stages/StageRun.ts";
import { isFanIn, type Node } from "../experiment/Node.ts";
import type { RunContext } from "./RunContext.ts";

export const stageInputs = Effect.fnUntraced(function* (
  node: Node,
  { artifactOf }: Pick<RunContext, "artifactOf">,
) {
  const store = yield* Store;
  return yield* store.withArtifacts((artifactRow): StageInputs => {
    const inputArtifact = (from: Node): InputArtifact => {
      const digest = artifactOf(from);
      const row = artifactRow(digest);
      if (row === undefined) throw missingArtifact(from, digest);
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

const missingArtifact = ({ name }: Node, digest: string) =>
  new StoreTrouble({
    message: `the index has no artifact ${digest}, the result of ${name}`,
    fix: "run the same command again; it makes that artifact again",
  });

/**
 * Fails when the files of an input differ from what was stored. Checked before and after the stage runs: a result made
 * from changed files, changed perhaps by the stage itself, must not be stored under the key of the unchanged ones.
 */
export const inputsUnchanged = Effect.fnUntraced(function* (inputs: StageInputs) {
  const store = yield* Store;
  for (const [name, input] of Object.entries(inputs)) {
    const elements = [input].flat() as ReadonlyArray<InputArtifact>;
    const touched = yield* store.setTouchedAside(elements.map(({ artifact }) => artifact));
    if (touched === undefined) continue;
    return yield* new StageFailed({
      message: `the files of its input \`${name}\` were changed in the store: ${store.directoryOf(touched.digest)}`,
      fix: "never write to an input; run the same command again, which makes that input again",
    });
  }
});
