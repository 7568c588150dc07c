/** The core loop: what becomes of one node. */
import { Clock, Effect } from "effect";
import { Store, type StoredAction } from "../cache/Store.ts";
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { beginAttempt, runAttempt } from "./Attempt.ts";
import type { Node } from "./Compile.ts";
import { tell } from "./Events.ts";
import { keyOf, keyParts } from "./Keys.ts";
import { machineFacts } from "./machine.ts";
import { mapInputs, type Plan, type PlannedNode } from "./Plan.ts";

/** What a node's execution needs to know of the run it belongs to. */
export interface RunContext {
  readonly run: string;
  readonly plan: Plan;
  readonly project: string;
  /** The artifacts of the nodes that are settled. */
  readonly settled: ReadonlyMap<Node, StoredAction>;
  readonly settle: (
    node: Node,
    made: StoredAction,
    how: "executed" | "reused",
  ) => Effect.Effect<void>;
  /** Takes a log over into the run's directory, when there is one. */
  readonly keepLog: (node: Node, log: string) => Effect.Effect<void>;
}

/** Key → look up → claim → run → commit. */
export const execute = Effect.fnUntraced(function* (planned: PlannedNode, context: RunContext) {
  const { node } = planned;
  const store = yield* Store;
  if (planned.hit !== undefined)
    return yield* adopt(planned, planned.hit, planned.found ?? "recipe", context);

  const fields = context.plan.fieldsOf(
    node,
    mapInputs(node, (input) => settledArtifact(context, input)),
  );
  const content = keyOf(fields);
  const same = yield* store.byContent(content);
  if (same !== undefined) return yield* adopt(planned, same, "content", context);

  return yield* Effect.scoped(
    Effect.gen(function* () {
      yield* store.claim(content, (owner) => tell({ _tag: "NodeWaiting", node: node.name, owner }));
      // The claim may have been waited for: whoever held it has perhaps made what we need.
      const made = yield* store.byContent(content);
      if (made !== undefined) return yield* adopt(planned, made, "other-run", context);

      const attempt = yield* beginAttempt(planned, content);
      const { result, seconds } = yield* runAttempt(planned, attempt, fields.sources, context);
      const artifact = yield* store.addTree(attempt.output, node.stage.output);
      const action: Action = {
        recipe: planned.recipe,
        content,
        stage: node.stage.name,
        artifact: artifact.digest,
        kind: artifact.kind,
        keyParts: keyParts(fields),
        environment: machineFacts(),
        cost: { wallSeconds: seconds, ...result.cost },
        summary: result.summary,
        finishedAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
      };
      yield* store.record(artifact, action);
      yield* store.clearWork(content);
      yield* context.settle(node, { action, artifact }, "executed");
      yield* tell({
        _tag: "NodeSucceeded",
        node: node.name,
        artifact: artifact.digest,
        seconds,
        summary: result.summary,
      });
    }),
  );
});

/** The answer is known; from now on it is known under this recipe, too. */
const adopt = Effect.fnUntraced(function* (
  planned: PlannedNode,
  hit: StoredAction,
  found: "recipe" | "content" | "other-run",
  context: RunContext,
) {
  const store = yield* Store;
  if (hit.action.recipe !== planned.recipe)
    yield* store.record(hit.artifact, { ...hit.action, recipe: planned.recipe });
  yield* context.settle(planned.node, hit, "reused");
  yield* tell({
    _tag: "NodeReused",
    node: planned.node.name,
    recipe: planned.recipe,
    artifact: hit.artifact.digest,
    found,
  });
});

const settledArtifact = (context: RunContext, node: Node): Digest => {
  const settled = context.settled.get(node);
  if (settled === undefined) throw new Error(`${node.name} is taken from before it is settled`);
  return settled.artifact.digest;
};
