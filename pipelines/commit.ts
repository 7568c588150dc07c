/** Takes in what an attempt has made: blobs, tree, then the action, in this order, so that a crash leaves no lie. */
import { Clock, Effect } from "effect";
import { Store } from "../cache/Store.ts";
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { Succeeded } from "./Attempt.ts";
import { tell } from "./Events.ts";
import type { RunContext } from "./Execute.ts";
import { type KeyFields, keyParts } from "./Keys.ts";
import { machineFacts } from "./machine.ts";
import type { PlannedNode } from "./Plan.ts";

export const commit = Effect.fnUntraced(function* (
  { node, recipe }: PlannedNode,
  { fields, content }: { readonly fields: KeyFields; readonly content: Digest },
  { attempt, listing, record, result }: Succeeded,
  { plan }: RunContext,
) {
  const store = yield* Store;
  const { summary, resumedFrom, cost } = result;
  const artifact = yield* store.addTree(attempt.output, listing, node.stage.output);
  const action: Action = {
    recipe,
    content,
    stage: node.stage.name,
    experiment: plan.experiment,
    node: node.name,
    artifact: artifact.digest,
    kind: artifact.kind,
    keyParts: keyParts(fields),
    environment: machineFacts(),
    cost: { wallSeconds: record.seconds, ...cost },
    summary,
    ...(resumedFrom === undefined ? {} : { resumedFrom }),
    finishedAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
  };
  const [before] = yield* store.query((index) => index.byContent(content));
  yield* store.record(artifact, action, record);
  yield* tell({
    _tag: "NodeSucceeded",
    node: node.name,
    artifact: artifact.digest,
    seconds: record.seconds,
    summary: resumedFrom === undefined ? summary : { ...summary, resumed_from: resumedFrom },
    ...(before === undefined || before.artifact === artifact.digest
      ? {}
      : { differs: before.artifact }),
  });
  return { artifact: artifact.digest };
});
