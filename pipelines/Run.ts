/** One execution of a plan, from its first event to its last. */
import { Cause, Clock, Effect } from "effect";
import { Store } from "../cache/Store.ts";
import { StoreTrouble } from "../cache/StoreTrouble.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { EventOf } from "../schemas/Event.ts";
import { type Resources, StageFailed } from "../stages/Stage.ts";
import type { Node } from "./Compile.ts";
import { Events, tell } from "./Events.ts";
import { execute, type RunContext } from "./Execute.ts";
import { foundBy, type Plan, type PlannedNode, upstreamOf, withoutTaken } from "./Plan.ts";
import { beginRun, type RunRecord } from "./RunRecord.ts";
import { schedule } from "./Schedule.ts";

export interface RunOptions {
  readonly plan: Plan;
  readonly spec: { readonly file: string; readonly text: string };
  readonly overrides: ReadonlyArray<string>;
  readonly project: string;
  /** What there is for all nodes together. */
  readonly capacity: Resources;
  readonly keepGoing: boolean;
}

const mostLinked = 100;

export type RunEnd = EventOf<"RunFinished">;

/** Makes what is due. A failed stage is told of and counted, not an error here; trouble with the store is. */
export const run = Effect.fn("run")(function* (options: RunOptions) {
  const { project, spec, overrides } = options;
  const store = yield* Store;
  const looking = yield* Events;
  const record = yield* Effect.acquireRelease(
    beginRun({ home: store.home, plan: options.plan, spec, overrides }),
    (open) => Effect.sync(() => open.close()),
  );
  yield* store.rememberSources(options.plan.learned);
  // Between the plan's look-ups and the run's beginning `pipe gc` may have been at work; from now on it spares the run.
  const plan = withoutTaken(options.plan, yield* store.takenAway(foundBy(options.plan)));
  const events = Events.of({
    publish: (event) =>
      Effect.andThen(Effect.ignore(Effect.try(() => record.append(event))), looking.publish(event)),
  });
  const progress = new Progress(record);
  const context: RunContext = {
    run: record.name,
    plan,
    project,
    artifactOf: (node) => progress.artifactOf(node),
    failures: new Map(),
    madeHere: new Set(),
    settle: (node, artifact, how) => Effect.sync(() => progress.settle(node, artifact, how)),
    keepLog: (node, log) => Effect.ignore(Effect.try(() => record.keepLog(node, log))),
  };
  progress.settleCached(plan);
  yield* adoptFound(plan);
  return yield* executeAll({ ...options, plan }, context, progress.counts).pipe(
    Effect.provideService(Events, events),
  );
}, Effect.scoped);

/** What has become of nodes so far. */
interface Counts {
  executed: number;
  reused: number;
  failed: number;
}

/** The nodes that are settled, counted and linked in the run's directory. */
class Progress {
  readonly counts: Counts = { executed: 0, reused: 0, failed: 0 };
  private readonly settled = new Map<Node, Digest>();
  private readonly record: RunRecord;

  constructor(record: RunRecord) {
    this.record = record;
  }

  artifactOf(node: Node): Digest {
    const artifact = this.settled.get(node);
    if (artifact === undefined) throw new Error(`${node.name} is taken from before it is settled`);
    return artifact;
  }

  settle(node: Node, artifact: Digest, how: "executed" | "reused") {
    this.settled.set(node, artifact);
    this.counts[how] += 1;
    this.record.link(node, artifact);
  }

  /** What the plan has found. Links are for people: in a run of many nodes it stands in `plan.json` alone. */
  settleCached({ nodes }: Plan) {
    for (const { node, status, found } of nodes) {
      if (status !== "cached" || found === undefined) continue;
      this.settled.set(node, found.artifact);
      this.counts.reused += 1;
      if (nodes.length <= mostLinked) this.record.link(node, found.artifact);
    }
  }
}

/** What the plan has found under other recipes is known under its own from now on. */
const adoptFound = Effect.fnUntraced(function* ({ nodes }: Plan) {
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
  { plan, capacity, keepGoing }: RunOptions,
  context: RunContext,
  counts: Counts,
) {
  const begun = yield* Clock.currentTimeMillis;
  const { run } = context;
  const nodes = plan.nodes.length;
  const due = plan.nodes.filter(({ status }) => status !== "cached");
  const cached = nodes - due.length;
  const jobs = capacity.cpus;
  yield* tell({ _tag: "RunStarted", run, experiment: plan.experiment, nodes, cached, jobs });
  const finish = Effect.fnUntraced(function* (status: RunEnd["status"]) {
    const seconds = Math.max(0, (yield* Clock.currentTimeMillis) - begun) / 1000;
    const skipped = nodes - counts.executed - counts.reused - counts.failed;
    const end = { _tag: "RunFinished", run, status, ...counts, skipped, seconds } as const;
    yield* tell(end);
    return end;
  });

  const outcome = yield* schedule({
    tasks: due,
    dependenciesOf: (planned) => dueUpstream(plan, planned),
    demandOf: ({ node }) => node.resources,
    capacity,
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

/** Only what is due is waited for: the artifact of a cached node is there, whatever became of those above it. */
const dueUpstream = (plan: Plan, planned: PlannedNode): ReadonlyArray<PlannedNode> =>
  upstreamOf(planned.node).flatMap((node) => {
    const found = plan.byNode.get(node);
    return found === undefined || found.status === "cached" ? [] : [found];
  });
