/** One execution of a plan, from its first event to its last. */
import { Cause, Clock, Effect } from "effect";
import { Store, type StoredAction } from "../cache/Store.ts";
import { StoreTrouble } from "../cache/StoreTrouble.ts";
import type { EventOf } from "../schemas/Event.ts";
import { StageFailed } from "../stages/Stage.ts";
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
  const counts: Counts = { executed: 0, reused: 0, failed: 0 };
  const context: RunContext = {
    run: record.name,
    plan,
    project,
    settled,
    settle: (node, made, how) =>
      Effect.suspend(() => {
        settled.set(node, made);
        counts[how] += 1;
        // What is committed is made, also where a link to it can't be.
        const directory = store.directoryOf(made.artifact.digest);
        return Effect.ignore(Effect.try(() => record.link(node, directory)));
      }),
    keepLog: (node, log) => Effect.ignore(Effect.try(() => record.keepLog(node, log))),
  };
  return yield* executeAll(options, context, counts).pipe(Effect.provideService(Events, events));
}, Effect.scoped);

/** What has become of nodes so far. */
type Counts = { executed: number; reused: number; failed: number };

const executeAll = Effect.fnUntraced(function* (
  { plan, jobs, keepGoing }: RunOptions,
  context: RunContext,
  counts: Counts,
) {
  const begun = yield* Clock.currentTimeMillis;
  const { run } = context;
  const nodes = plan.nodes.length;
  const cached = plan.nodes.filter((planned) => planned.status === "cached").length;
  yield* tell({ _tag: "RunStarted", run, experiment: plan.experiment, nodes, cached, jobs });
  const finish = Effect.fnUntraced(function* (status: RunEnd["status"]) {
    const seconds = ((yield* Clock.currentTimeMillis) - begun) / 1000;
    const skipped = nodes - counts.executed - counts.reused - counts.failed;
    const end = { _tag: "RunFinished", run, status, ...counts, skipped, seconds } as const;
    yield* tell(end);
    return end;
  });

  const outcome = yield* schedule({
    tasks: plan.nodes,
    dependenciesOf: (planned) => plannedUpstream(plan, planned),
    slotsOf: (planned) => (planned.status === "cached" ? 1 : planned.node.stage.cpus),
    slots: jobs,
    keepGoing,
    run: (planned) =>
      execute(planned, context).pipe(
        Effect.tapCause((cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.void;
          counts.failed += 1;
          return tellUnlessTold(planned.node, Cause.squash(cause));
        }),
      ),
    stopping: (running) => tell({ _tag: "RunStopping", run, running }),
  }).pipe(Effect.onInterrupt(() => finish("interrupted")));

  for (const [planned, because] of outcome.skipped) {
    yield* tell({ _tag: "NodeSkipped", node: planned.node.name, because: because.node.name });
  }
  const end = yield* finish(outcome.failed.size === 0 ? "done" : "failed");
  const errors = [...outcome.failed.values()].map((cause) => Cause.squash(cause));
  const trouble = errors.find((error) => error instanceof StoreTrouble);
  return trouble === undefined ? end : yield* trouble;
});

/** A stage's own failure is told with its attempt; whatever else can go wrong with a node is told here. */
const tellUnlessTold = (node: Node, error: unknown) => {
  if (error instanceof StageFailed) return Effect.void;
  const { message = String(error), fix = "" } = error as { message?: string; fix?: string };
  return tell({
    _tag: "NodeFailed",
    node: node.name,
    message,
    fix,
    logTail: [],
    kept: "",
    seconds: 0,
  });
};

/** A cached node waits for nobody: its artifact is there, whatever became of those above it. */
const plannedUpstream = (plan: Plan, planned: PlannedNode): ReadonlyArray<PlannedNode> =>
  planned.status === "cached"
    ? []
    : upstreamOf(planned.node).flatMap((node) => {
        const found = plan.byNode.get(node);
        return found === undefined ? [] : [found];
      });
