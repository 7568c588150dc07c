/** Finds an artifact by its name on the command line: a digest or its beginning, a tag, or run and node. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import { findTag } from "../../cache/Tags.ts";
import { artifactIn } from "../../pipelines/history/RunHistory.ts";
import type { Artifact } from "../../schemas/Artifact.ts";
import { UsageError } from "../UsageError.ts";
import { findNode } from "./findNode.ts";

/** A digest or its beginning. */
export const digestPrefix = /^[0-9a-f]{6,64}$/u;

/** Tries, in this order: the beginning of a digest (six digits or more), a tag, `RUN/NODE`, a node of the latest run. */
export const findArtifact = Effect.fnUntraced(function* (name: string) {
  const store = yield* Store;
  if (digestPrefix.test(name)) {
    const [found, another] = yield* store.find(name);
    if (another !== undefined)
      return yield* new UsageError({
        message: `several artifacts begin with ${name}; write more digits`,
      });
    if (found !== undefined) return found;
  }
  const tag = yield* store.change(({ home }) => findTag(home, name));
  const [tagged] = tag === undefined ? [] : yield* store.find(tag.artifact);
  if (tagged !== undefined) return tagged;
  const { plan, node } = yield* findNode(name, undefined, "artifact or node");
  // The run's own artifact first: its recipe may have another one by now.
  const digest = artifactIn(store.home, plan.run, node);
  const [own] = digest === undefined ? [] : yield* store.find(digest);
  const made = own ?? (yield* store.byRecipe(node.recipe))?.artifact;
  if (made === undefined)
    return yield* new UsageError({
      message: `${node.node} of ${plan.run} has no artifact yet; \`pipe status ${plan.run}\` shows its nodes`,
    });
  return made satisfies Artifact;
});
