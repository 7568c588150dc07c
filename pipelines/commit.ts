/** Takes in what an attempt has made: blobs, tree, then the action, in this order, so that a crash leaves no lie. */
import { Clock, Effect } from "effect";
import { Store } from "../cache/Store.ts";
import type { Action } from "../schemas/Artifact.ts";
import type { Succeeded, WorkKeys } from "./Attempt.ts";
import { tell } from "./Events.ts";
import type { RunContext } from "./Execute.ts";
import { keyParts } from "./Keys.ts";
import { machineFacts } from "./machine.ts";
import type { PlannedNode } from "./Plan.ts";

export const commit = Effect.fnUntraced(function* (
  { node, recipe }: PlannedNode,
  { fields, content, training }: WorkKeys,
  { attempt, listing, record, result }: Succeeded,
  { plan }: RunContext,
) {
  const store = yield* Store;
  const { summary, resumedFrom, cost } = result;
  const about: Omit<Action, "artifact" | "kind"> = {
    recipe,
    content,
    stage: node.stage.name,
    experiment: plan.experiment,
    node: node.name,
    keyParts: keyParts(fields),
    environment: yield* machineFacts(node.resources.gpus > 0),
    cost: { wallSeconds: record.seconds, ...cost },
    summary,
    ...(resumedFrom === undefined ? {} : { resumedFrom }),
    ...(training === undefined ? {} : { training }),
    finishedAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
  };
  const before = yield* store.look(1, (look) => look.byContent(content));
  const artifact = yield* Effect.gen(function* () {
    const added = yield* store.addTree(attempt.output, listing, node.stage.output);
    const { digest, kind } = added;
    const kept = yield* store.record(added, { ...about, artifact: digest, kind }, record);
    return kept ? added : undefined;
    // An equal artifact was there, and `pipe gc` took it between the two steps: then it is stored again.
  }).pipe(Effect.repeat({ until: (added) => added !== undefined }));
  const differs = before !== undefined && before.artifact !== artifact.digest;
  if (differs && before.state !== "present")
    yield* tell({
      _tag: "NodeMessage",
      node: node.name,
      level: "warn",
      message:
        "came out otherwise than what was lost; what was made from that is due in the next run",
    });
  yield* tell({
    _tag: "NodeSucceeded",
    node: node.name,
    artifact: artifact.digest,
    seconds: record.seconds,
    summary: resumedFrom === undefined ? summary : { ...summary, resumed_from: resumedFrom },
    ...(differs && before.state === "present" ? { differs: before.artifact } : {}),
  });
  return { artifact: artifact.digest };
});
