/** The core loop: what becomes of one node that is due. */
import { Effect } from "effect";
import type { Found } from "../cache/Look.ts";
import { Store } from "../cache/Store.ts";
import type { Digest } from "../schemas/Digest.ts";
import { attempt } from "./Attempt.ts";
import { commit } from "./commit.ts";
import type { Node } from "./Compile.ts";
import { tell } from "./Events.ts";
import { keyOf, trainingKeyOf } from "./Keys.ts";
import { mapInputs, type Plan, type PlannedNode } from "./Plan.ts";
import { Parked } from "./Schedule.ts";

/** What a node's execution needs to know of the run it belongs to. */
export interface RunContext {
  readonly run: string;
  readonly plan: Plan;
  readonly project: string;
  /** The artifact of a node that is settled. */
  readonly artifactOf: (node: Node) => Digest;
  readonly settle: (
    node: Node,
    artifact: Digest,
    how: "executed" | "reused",
  ) => Effect.Effect<void>;
  /** How often the machinery has failed a node. */
  readonly failures: Map<Node, number>;
  /** The content keys that this run has made: a forced node makes the work of an equal one no second time. */
  readonly madeHere: Set<Digest>;
  /** Takes a log over into the run's directory, when there is one. */
  readonly keepLog: (node: Node, log: string) => Effect.Effect<void>;
}

/** Key → look up → claim → run → commit. */
export const execute = Effect.fnUntraced(function* (planned: PlannedNode, context: RunContext) {
  const { node } = planned;
  const store = yield* Store;
  const fields = context.plan.fieldsOf(node, mapInputs(node, context.artifactOf));
  const content = keyOf(fields);
  const training = trainingKeyOf(fields, node.stage.horizon?.(node.params.decoded) ?? []);

  const known = yield* lookUp(planned, content, context);
  if (known !== undefined && (yield* adopt(planned, known, "content", context))) return;

  return yield* Effect.scoped(
    Effect.gen(function* () {
      for (const key of training === undefined ? [content] : [content, training]) {
        const holder = yield* store.claim(key);
        if (holder === undefined) continue;
        yield* tell({ _tag: "NodeWaiting", node: node.name, owner: holder });
        return new Parked(Effect.ignore(store.whenFree(key)));
      }
      // Between the look-up and the claim somebody may have made it.
      const made = yield* lookUp(planned, content, context);
      if (made !== undefined && (yield* adopt(planned, made, "other-run", context))) return;

      const keys = { fields, content, training };
      const ended = yield* attempt(planned, keys, context);
      if (ended instanceof Parked) return ended;
      const { artifact } = yield* commit(planned, keys, ended, context);
      context.madeHere.add(content);
      yield* store.clear(store.workDirectory(content));
      yield* context.settle(node, artifact, "executed");
    }),
  );
});

/** What answers a content key and is there; to a forced node only what this run has made is an answer. */
const lookUp = Effect.fnUntraced(function* (
  { because }: PlannedNode,
  content: Digest,
  { madeHere }: RunContext,
) {
  if (because._tag === "Forced" && !madeHere.has(content)) return undefined;
  const store = yield* Store;
  const found = yield* store.look(1, (look) => look.byContent(content));
  return found?.state === "present" ? found : undefined;
});

/** The answer is known; from now on it is known under this recipe, too. False where `pipe gc` was faster. */
const adopt = Effect.fnUntraced(function* (
  { node, recipe }: PlannedNode,
  found: Found,
  how: "content" | "other-run",
  context: RunContext,
) {
  const store = yield* Store;
  const { artifact } = found;
  yield* store.adopt([[recipe, found]]);
  const gone = yield* store.takenAway(new Set([artifact]));
  if (gone.has(artifact)) return false;
  yield* context.settle(node, artifact, "reused");
  yield* tell({ _tag: "NodeReused", node: node.name, recipe, artifact, found: how });
  return true;
});
