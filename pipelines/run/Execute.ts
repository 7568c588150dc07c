/** The core loop for one due node: key → look up → claim → run → commit. */
import { Effect } from "effect";
import type { FoundAction } from "../../cache/Look.ts";
import { Store } from "../../cache/Store.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { mapInputs, type Node } from "../experiment/Node.ts";
import { workKeys } from "../plan/Keys.ts";
import type { PlannedNode } from "../plan/Plan.ts";
import { attempt } from "./Attempt.ts";
import { olderCheckpoints } from "./checkpoints.ts";
import { commit } from "./commit.ts";
import { publish } from "./Events.ts";
import type { RunContext } from "./RunContext.ts";
import { Parked } from "./Schedule.ts";

export const execute = Effect.fnUntraced(function* (planned: PlannedNode, context: RunContext) {
  const { node } = planned;
  const store = yield* Store;
  const fields = context.plan.fieldsOf(node, mapInputs(node, context.artifactOf));
  const horizon = node.stage.horizon?.(node.params.decoded) ?? [];
  const keys = workKeys(fields, horizon);
  const { content, training } = keys;

  const known = yield* lookUp(planned, content, context);
  if (known !== undefined && (yield* adopt(planned, known, "content", context))) return;

  return yield* Effect.scoped(
    Effect.gen(function* () {
      for (const key of training === undefined ? [content] : [content, training]) {
        const holder = yield* store.claim(key);
        if (holder === undefined) continue;
        yield* publish({ _tag: "NodeWaiting", node: node.name, owner: holder });
        return new Parked(Effect.ignore(store.whenFree(key)));
      }
      // Another run may have made it between the look-up and the claim.
      const made = yield* lookUp(planned, content, context);
      if (made !== undefined && (yield* adopt(planned, made, "other-run", context))) return;

      const outcome = yield* attempt(planned, keys, context);
      if (outcome instanceof Parked) return outcome;
      const { artifact } = yield* commit(planned, keys, outcome, context);
      context.madeHere.add(content);
      const older =
        training === undefined
          ? []
          : olderCheckpoints(outcome.attempt.checkpoints, lastStep(node, horizon));
      yield* Effect.forEach([store.workDirectory(content), ...older], store.clear).pipe(
        // The result is stored; what is left, such as another user's files, is for `pipe gc`.
        Effect.catch(({ message }) =>
          publish({ _tag: "NodeMessage", node: node.name, level: "warn", message }),
        ),
      );
      yield* context.settle(node, artifact, "executed");
    }),
  );
});

/** A horizon is a number of steps. */
const lastStep = ({ params }: Node, horizon: ReadonlyArray<string>): number =>
  Math.max(...horizon.map((name) => (params.decoded as Readonly<Record<string, number>>)[name]!));

/** The answer to a content key whose files are present; a forced node accepts only answers of this run. */
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

/** Records the answer under this recipe, too. False where `pipe gc` removed its files meanwhile. */
const adopt = Effect.fnUntraced(function* (
  { node, recipe }: PlannedNode,
  found: FoundAction,
  how: "content" | "other-run",
  context: RunContext,
) {
  const store = yield* Store;
  const { artifact } = found;
  yield* store.adopt([[recipe, found]]);
  const gone = yield* store.takenAway(new Set([artifact]));
  if (gone.has(artifact)) return false;
  yield* context.settle(node, artifact, "reused");
  yield* publish({ _tag: "NodeReused", node: node.name, recipe, artifact, found: how });
  return true;
});
