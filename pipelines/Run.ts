/** One execution of a plan, from its first event to its last. */
import { Cause, Clock, Effect } from "effect";
import { Store, type StoredAction } from "../cache/Store.ts";
import { StoreTrouble } from "../cache/StoreTrouble.ts";
import type { EventOf } from "../schemas/Event.ts";
import type { Node } from "./Compile.ts";
import { Events, tell } from "./Events.ts";
import { execute, type RunContext } from "./Execute.ts";
import { type Plan, type PlannedNode, upstreamOf } from "./Plan.ts";
import { beginRun } from "./RunRecord.ts";
import { schedule } from "./Schedule.ts";

export interface RunOptions {
  readonly plan: Plan;
  readonly spec: { readonly file: string; readonly text: string };
  readonly overrides: ReadonlyArray<string>;
  readonly project: string;
  readonly jobs: number;
  readonly keepGoing: boolean;
}

export type RunEnd = EventOf<"RunFinished">;

/** Makes what is due. A failed stage is told of and counted, not an error here; trouble with the store is. */
export const run = Effect.fn("run")(function* (options: RunOptions) {
  const { plan, project } = options;
  const store = yield* Store;
  const looking = yield* Events;
  const record = yield* Effect.acquireRelease(
    beginRun({ home: store.home, plan, spec: options.spec, overrides: options.overrides }),
    (open) => Effect.sync(() => open.close()),
  );
  const events = Events.of({
    publish: (event) =>
      Effect.andThen(Effect.ignore(Effect.try(() => record.append(event))), looking.publish(event)),
  });
  const settled = new Map<Node, StoredAction>();
  const context: RunContext = {
    run: record.name,
    plan,
    project,
    settled,
    keepLog: (node, log) => Effect.ignore(Effect.try(() => record.keepLog(node, log))),
  };
  return yield* executeAll(options, context).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        for (const [node, { artifact }] of settled)
          record.link(node, store.directoryOf(artifact.digest));
      }),
    ),
    Effect.provideService(Events, events),
  );
}, Effect.scoped);

const executeAll = Effect.fnUntraced(function* (
  { plan, jobs, keepGoing }: RunOptions,
  context: RunContext,
) {
  const begun = yield* Clock.currentTimeMillis;
  const cached = plan.nodes.filter((planned) => planned.status === "cached").length;
  yield* tell({
    _tag: "RunStarted",
    run: context.run,
    experiment: plan.experiment,
    nodes: plan.nodes.length,
    cached,
    jobs,
  });
  const finish = (counts: Pick<RunEnd, "status" | "executed" | "reused" | "failed" | "skipped">) =>
    Effect.gen(function* () {
      const seconds = ((yield* Clock.currentTimeMillis) - begun) / 1000;
      const end = { _tag: "RunFinished", run: context.run, ...counts, seconds } as const;
      yield* tell(end);
      return end;
    });

  const outcome = yield* schedule({
    tasks: plan.nodes,
    dependenciesOf: (planned) => plannedUpstream(plan, planned),
    slotsOf: (planned) => (planned.status === "cached" ? 1 : planned.node.stage.cpus),
    slots: jobs,
    keepGoing,
    run: (planned) => execute(planned, context),
    stopping: (running) => tell({ _tag: "RunStopping", run: context.run, running }),
  }).pipe(
    Effect.onInterrupt(() => {
      const executed = context.settled.size;
      return finish({
        status: "interrupted",
        executed,
        reused: 0,
        failed: 0,
        skipped: plan.nodes.length - executed,
      });
    }),
  );

  for (const [planned, because] of outcome.skipped) {
    yield* tell({ _tag: "NodeSkipped", node: planned.node.name, because: because.node.name });
  }
  const trouble = [...outcome.failed.values()]
    .map((cause) => Cause.squash(cause))
    .find((error) => error instanceof StoreTrouble);
  const reused = [...outcome.done.values()].filter((how) => how === "reused").length;
  const end = yield* finish({
    status: outcome.failed.size === 0 ? "done" : "failed",
    executed: outcome.done.size - reused,
    reused,
    failed: outcome.failed.size,
    skipped: outcome.skipped.size,
  });
  return trouble === undefined ? end : yield* trouble;
});

/** A cached node waits for nobody: its artifact is there, whatever became of those above it. */
const plannedUpstream = (plan: Plan, planned: PlannedNode): ReadonlyArray<PlannedNode> =>
  planned.status === "cached"
    ? []
    : upstreamOf(planned.node).flatMap((node) => {
        const found = plan.byNode.get(node);
        return found === undefined ? [] : [found];
      });
