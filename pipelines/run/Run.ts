/** One execution of a plan, from its first event to its last. */
import { Cause, Clock, Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import { StoreTrouble } from "../../cache/StoreTrouble.ts";
import { Executor } from "../../executors/Executor.ts";
import type { EventOf } from "../../schemas/Event.ts";
import type { Overrides } from "../../schemas/Overrides.ts";
import type { Resources } from "../../stages/Stage.ts";
import { runsElsewhere } from "./capacity.ts";
import { runs } from "../../stages/runs.ts";
import { StageFailed } from "../../stages/StageRun.ts";
import { beginRun } from "../history/RunRecord.ts";
import { type Node, upstreamOf } from "../experiment/Node.ts";
import { cachedArtifacts, type Plan, type PlannedNode, withoutCollected } from "../plan/Plan.ts";
import { Events, publish } from "./Events.ts";
import { execute } from "./Execute.ts";
import type { RunContext } from "./RunContext.ts";
import { type RunCounts, SettledNodes } from "./SettledNodes.ts";
import { schedule } from "./Schedule.ts";

export interface RunOptions {
  readonly plan: Plan;
  readonly spec: { readonly file: string; readonly text: string };
  readonly overrides: Overrides;
  readonly project: string;
  /** The resources for all nodes together. */
  readonly capacity: Resources;
  readonly keepGoing: boolean;
  /** Called first on interruption, with the number of running nodes. */
  readonly beforeStop?: (running: number) => Effect.Effect<void>;
}

export type RunEnd = EventOf<"RunFinished">;

/** Executes what is due. A failed stage is published and counted; only trouble with the store is an error here. */
export const run = Effect.fn("run")(function* (options: RunOptions) {
  const { project, spec, overrides } = options;
  const store = yield* Store;
  const view = yield* Events;
  const record = yield* Effect.acquireRelease(
    beginRun({ home: store.home, plan: options.plan, spec, overrides }),
    (open) => Effect.sync(() => open.close()),
  );
  yield* store.rememberSources(options.plan.learned);
  // `pipe gc` may have collected artifacts since the plan was made. From now on it keeps what this run needs.
  const gone = yield* store.takenAway(cachedArtifacts(options.plan));
  const plan = withoutCollected(options.plan, gone);
  const events = Events.of({
    publish: (event) =>
      Effect.andThen(Effect.ignore(Effect.try(() => record.append(event))), view.publish(event)),
  });
  const settled = new SettledNodes(record, store.directoryOf);
  const context: RunContext = {
    run: record.name,
    plan,
    project,
    artifactOf: (node) => settled.artifactOf(node),
    failures: new Map(),
    madeHere: new Set(),
    settle: (node, artifact, how) => Effect.sync(() => settled.add(node, artifact, how)),
    keepLog: (node, log) => Effect.ignore(Effect.try(() => record.keepLog(node, log))),
  };
  settled.addCached(plan);
  yield* adoptCached(plan);
  return yield* executeAll({ ...options, plan }, context, settled.counts).pipe(
    Effect.provideService(Events, events),
  );
}, Effect.scoped);

/** Records answers that the plan has found by content under the nodes' own recipes, too. */
const adoptCached = Effect.fnUntraced(function* ({ nodes }: Plan) {
  const store = yield* Store;
  const found = nodes.flatMap((planned) =>
    planned.status === "cached" &&
    planned.because._tag === "Found" &&
    planned.because.by === "content" &&
    planned.found !== undefined
      ? [[planned.recipe, planned.found] as const]
      : [],
  );
  yield* store.adopt(found);
});

const executeAll = Effect.fnUntraced(function* (
  { plan, capacity, keepGoing, beforeStop = () => Effect.void }: RunOptions,
  context: RunContext,
  counts: RunCounts,
) {
  const begun = yield* Clock.currentTimeMillis;
  const { run } = context;
  const nodes = plan.nodes.length;
  const due = plan.nodes.filter(({ status }) => status !== "cached");
  const cached = nodes - due.length;
  const jobs = capacity.cpus;
  const dueByStage = Object.fromEntries(
    [...Map.groupBy(due, ({ node }) => node.stageName)].map(([name, points]) => [
      name,
      points.length,
    ]),
  );
  const { experiment, notes } = plan;
  const facts = { run, experiment, nodes, cached, jobs, due: dueByStage };
  yield* publish({ _tag: "RunStarted", ...facts, ...(notes.length === 0 ? {} : { notes }) });
  const finish = Effect.fnUntraced(function* (status: RunEnd["status"]) {
    const seconds = Math.max(0, (yield* Clock.currentTimeMillis) - begun) / 1000;
    const skipped = nodes - counts.executed - counts.reused - counts.failed;
    const end = { _tag: "RunFinished", run, status, ...counts, skipped, seconds } as const;
    yield* publish(end);
    return end;
  });

  const { isHere } = yield* Executor;
  yield* Effect.forkScoped(prepare(due));
  const outcome = yield* schedule({
    tasks: due,
    dependenciesOf: (planned) => dueInputs(plan, planned),
    demandOf: ({ node }) => (runsElsewhere(node.stage, isHere) ? noResources : node.resources),
    capacity,
    keepGoing,
    run: (planned) =>
      execute(planned, context).pipe(
        Effect.tapCause((cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.void;
          counts.failed += 1;
          return publishOtherFailure(planned.node, Cause.squash(cause));
        }),
      ),
    stopping: (running) =>
      Effect.andThen(beforeStop(running), publish({ _tag: "RunStopping", run, running })),
  }).pipe(Effect.onInterrupt(() => finish("interrupted")));

  for (const [planned, because] of outcome.skipped) {
    yield* publish({ _tag: "NodeSkipped", node: planned.node.name, because: because.node.name });
  }
  const end = yield* finish(outcome.failed.size === 0 ? "done" : "failed");
  const errors = [...outcome.failed.values()].map((cause) => Cause.squash(cause));
  const trouble = errors.find((error) => error instanceof StoreTrouble);
  return trouble === undefined ? end : yield* trouble;
});

/** The scheduler of a cluster counts the resources of jobs there. */
const noResources: Resources = { cpus: 0, memory: 0, gpus: 0 };

/** Begins the work that nodes of one environment share, such as imports, while others run. */
const prepare = (due: ReadonlyArray<PlannedNode>) => {
  const preparations = new Map(
    due.flatMap(({ node: { stage, params, resources }, status }) => {
      const begin = runs.get(stage.name)?.prepare;
      if (begin === undefined || status !== "run") return [];
      const environment = stage.environment?.(params.decoded);
      const key = JSON.stringify([environment, resources.cpus]);
      return [[key, begin(resources, environment)] as const];
    }),
  );
  return Effect.all(preparations.values(), { discard: true });
};

/** Publishes whatever failed outside an attempt, such as the store; an attempt publishes the failure of its stage. */
const publishOtherFailure = (node: Node, error: unknown) => {
  if (error instanceof StageFailed) return Effect.void;
  const { message = String(error), fix = "" } = error as { message?: string; fix?: string };
  const noAttempt = { logTail: [], kept: "", seconds: 0 };
  return publish({ _tag: "NodeFailed", node: node.name, message, fix, ...noAttempt });
};

/** The inputs to wait for. A cached node has its artifact, whatever happens upstream of it. */
const dueInputs = (plan: Plan, planned: PlannedNode): ReadonlyArray<PlannedNode> =>
  upstreamOf(planned.node).flatMap((node) => {
    const input = plan.byNode.get(node);
    return input === undefined || input.status === "cached" ? [] : [input];
  });
