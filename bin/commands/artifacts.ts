/** How a person names an artifact: by digest or its beginning, by a tag, or by run and node. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import { findTag } from "../../cache/Tags.ts";
import { artifactIn } from "../../pipelines/RunHistory.ts";
import type { Artifact } from "../../schemas/Artifact.ts";
import { UsageError } from "../UsageError.ts";
import { findNode } from "./findNode.ts";

/** What is taken for the beginning of a digest. */
export const digestPrefix = /^[0-9a-f]{6,64}$/u;

/** `name` is a digest's beginning (six digits or more), a tag, `RUN/NODE`, or a node of the latest run. */
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
  const tag = yield* store.query((index) => findTag(index, name));
  const [tagged] = tag === undefined ? [] : yield* store.find(tag.artifact);
  if (tagged !== undefined) return tagged;
  const { plan, node } = yield* findNode(name, undefined, "artifact or node");
  // The run's own: the same recipe may have another artifact by now.
  const digest = artifactIn(store.home, plan.run, node);
  const [own] = digest === undefined ? [] : yield* store.find(digest);
  const made = own ?? (yield* store.byRecipe(node.recipe))?.artifact;
  if (made === undefined)
    return yield* new UsageError({ message: `${node.node} of ${plan.run} has not been made` });
  return made satisfies Artifact;
});
