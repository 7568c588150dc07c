/** Stores the output of an attempt: blobs, tree, then the action, so that after a crash no action lacks its files. */
import { Clock, Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import { Executor } from "../../executors/Executor.ts";
import type { Action } from "../../schemas/Artifact.ts";
import type { FinishedAttempt } from "./Attempt.ts";
import { Events, publish } from "./Events.ts";
import type { RunContext } from "./RunContext.ts";
import { keyParts, type WorkKeys } from "../plan/Keys.ts";
import { factsElsewhere, machineFacts } from "./machineFacts.ts";
import type { PlannedNode } from "../plan/Plan.ts";

export const commit = Effect.fnUntraced(function* (
  { node, recipe }: PlannedNode,
  { fields, content, training }: WorkKeys,
  { attempt, listing, record, result, fixedSeconds }: FinishedAttempt,
  { plan }: RunContext,
) {
  const store = yield* Store;
  const elsewhere = (yield* Executor).machineOf(attempt.work);
  const { summary, resumedFrom, cost } = result;
  const about: Omit<Action, "artifact" | "kind"> = {
    recipe,
    content,
    stage: node.stage.name,
    experiment: plan.experiment,
    node: node.name,
    keyParts: keyParts(fields),
    environment:
      elsewhere === undefined
        ? yield* machineFacts(node.resources.gpus > 0)
        : factsElsewhere(elsewhere),
    cost: {
      wallSeconds: record.seconds,
      // A resumed attempt did only a part of the work that its progress counts.
      ...(fixedSeconds === undefined || resumedFrom !== undefined ? {} : { fixedSeconds }),
      ...cost,
    },
    summary,
    ...(resumedFrom === undefined ? {} : { resumedFrom }),
    ...(training === undefined ? {} : { training }),
    finishedAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
  };
  const before = yield* store.look(1, (look) => look.byContent(content));
  const events = yield* Events;
  const report = (done: number, total: number) =>
    void Effect.runFork(
      Effect.provideService(
        publish({ _tag: "NodeProgress", node: node.name, done, total, unit: "files stored" }),
        Events,
        events,
      ),
    );
  const artifact = yield* Effect.gen(function* () {
    const added = yield* store.addTree(attempt.output, listing, node.stage.output, report);
    const { digest, kind } = added;
    const kept = yield* store.record(added, { ...about, artifact: digest, kind }, record);
    return kept ? added : undefined;
    // Undefined where an equal artifact was stored and `pipe gc` removed it between the two steps: store it again.
  }).pipe(Effect.repeat({ until: (added) => added !== undefined }));
  const differs = before !== undefined && before.artifact !== artifact.digest;
  if (differs && before.state !== "present")
    yield* publish({
      _tag: "NodeMessage",
      node: node.name,
      level: "warn",
      message:
        "differs from the lost result; nodes made from that one will be rerun in the next run",
    });
  yield* publish({
    _tag: "NodeSucceeded",
    node: node.name,
    artifact: artifact.digest,
    seconds: record.seconds,
    summary: resumedFrom === undefined ? summary : { ...summary, resumed_from: resumedFrom },
    ...(differs && before.state === "present" ? { differs: before.artifact } : {}),
  });
  return { artifact: artifact.digest };
});
