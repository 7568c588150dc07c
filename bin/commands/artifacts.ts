/** How a person names an artifact: by digest or its beginning, or by run and node. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import type { Artifact } from "../../schemas/Artifact.ts";
import { unknownName } from "../../schemas/Diagnostic.ts";
import { UsageError } from "../UsageError.ts";
import { findRun } from "./table.ts";

const digestPrefix = /^[0-9a-f]{6,64}$/u;
/** A slash after the first bracket belongs to a label. */
const runAndNode = /^([^/[]+)\/(.+)$/su;

/** `name` is a digest's beginning (six digits or more), `RUN/NODE`, or a node of the latest run. */
export const findArtifact = Effect.fnUntraced(function* (name: string) {
  const store = yield* Store;
  if (digestPrefix.test(name)) {
    const [found, another] = yield* store.find(name);
    if (another !== undefined)
      return yield* new UsageError({
        message: `several artifacts begin with ${name}; write more of it`,
      });
    if (found !== undefined) return found;
  }
  const [, run = "latest", node = name] = runAndNode.exec(name) ?? [];
  const plan = yield* findRun(run);
  const planned = plan.nodes.find((candidate) => candidate.node === node);
  if (planned === undefined) {
    const { message, expected } = unknownName(
      `artifact or node of ${plan.run}`,
      node,
      plan.nodes.map((each) => each.node),
    );
    return yield* new UsageError({ message: `${message}; ${expected}` });
  }
  const made = yield* store.byRecipe(planned.recipe);
  if (made === undefined)
    return yield* new UsageError({ message: `${node} of ${plan.run} has not been made` });
  return made.artifact satisfies Artifact;
});
