import { Console, Effect, Layer, Option } from "effect";
import { Command, Flag } from "effect/cli";
import { importBundle, type ImportReport } from "../../bundle/import/importBundle.ts";
import { recordedPython, recordedSources } from "../../bundle/import/recordedMachine.ts";
import { printable } from "../../bundle/format/printable.ts";
import { Store } from "../../cache/Store.ts";
import type { StoreTrouble } from "../../cache/StoreTrouble.ts";
import { capacityFor } from "../../pipelines/run/capacity.ts";
import type { Graph, Node } from "../../pipelines/experiment/Node.ts";
import { type Plan, plan } from "../../pipelines/plan/Plan.ts";
import { run } from "../../pipelines/run/Run.ts";
import { flagsOf } from "../../schemas/Overrides.ts";
import { Exit } from "../UsageError.ts";
import { eventsLayer } from "../view/eventsLayer.ts";
import { runLine, shellWord } from "../../pipelines/experiment/commandLine.ts";
import { plural } from "../../kinds/terminal.ts";
import { askToDetach } from "../view/askToDetach.ts";
import { openBundleAt } from "./openBundleAt.ts";
import { type LoadedSpec, loadSpec, project, selectGraph, storeHome } from "./project.ts";
import { chooseExecutor, executorFlag } from "./settings.ts";
import { choiceFlags, jobsFlag, jsonFlag, overrideFlags, specArgument } from "./specFlags.ts";
import { printTables } from "./table.ts";
import type { NumberedRun } from "../../pipelines/history/runNumbers.ts";

const fromBundleFlag = Flag.String("from-bundle").pipe(
  Flag.optional,
  Flag.withDescription(
    "first import the results of a bundle into the store; its bytes and structure are verified",
  ),
);

export const runCommand = Command.make(
  "run",
  {
    experiment: specArgument,
    ...overrideFlags,
    ...choiceFlags,
    jobs: jobsFlag,
    fromBundle: fromBundleFlag,
    keepGoing: Flag.Boolean("keep-going").pipe(
      Flag.withAlias("k"),
      Flag.withDefault(false),
      Flag.withDescription("after a failure, still run everything that does not depend on it"),
    ),
    executor: executorFlag,
    detach: Flag.Boolean("detach").pipe(
      Flag.withDefault(false),
      Flag.withDescription(
        "on Ctrl-C leave the jobs of a cluster; the same command later attaches to them",
      ),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe run")(function* (options) {
    const { experiment, set, axis, only, force, executor } = options;
    const { graph: whole, spec } = yield* loadSpec(experiment, { set, axis });
    const chosen = yield* selectGraph(whole, { only, force });
    const detached = { now: options.detach };
    const { layer, name } = yield* chooseExecutor(executor, () => detached.now);
    const isAsked = name === "slurm" && !options.detach && process.stdin.isTTY;
    const beforeStop = (running: number) =>
      isAsked
        ? Effect.map(askToDetach(running), (leave) => void (detached.now = leave))
        : Effect.void;
    const request = { ...options, ...chosen, spec, beforeStop };
    yield* importAndRun(request, options.fromBundle).pipe(Effect.provide(layer));
  }),
).pipe(
  Command.withDescription("Run an experiment; nodes whose results are in the store are reused"),
  Command.withExamples([
    {
      command: "pipe run experiments/sft-lambda.yaml",
      description: "the main study, on two cores",
    },
    {
      command: "pipe run experiment.yaml --executor slurm",
      description: "run the jobs on a Slurm cluster; pipe.yaml has the site's settings",
    },
    {
      command: "pipe run experiment.yaml --from-bundle study.tar.gz",
      description: "reuse the results in a bundle",
    },
  ]),
);

const importAndRun = Effect.fnUntraced(function* (
  request: RunRequest,
  fromBundle: Option.Option<string>,
) {
  const home = Store.layerReadOnly(storeHome());
  if (Option.isNone(fromBundle)) return yield* planAndRun(request, home, []);
  const { recorded } = yield* importResults(fromBundle.value, request.json);
  const planning = Layer.provide(recordedSources(recorded, project()), home);
  yield* planAndRun(request, planning, [["--from-bundle", fromBundle.value]]).pipe(
    Effect.provide(recordedPython(recorded)),
  );
});

interface RunRequest {
  readonly experiment: string;
  readonly graph: Graph;
  readonly forced: ReadonlySet<Node>;
  readonly spec: LoadedSpec["spec"];
  readonly set: ReadonlyArray<string>;
  readonly axis: ReadonlyArray<string>;
  readonly only: ReadonlyArray<string>;
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly json: boolean;
  readonly beforeStop: (running: number) => Effect.Effect<void>;
}

/** `planning` is the read-only store for the plan; `bundle` is the flag that names a bundle, if any. */
const planAndRun = Effect.fnUntraced(function* (
  request: RunRequest,
  planning: Layer.Layer<Store, StoreTrouble>,
  bundle: ReadonlyArray<readonly [flag: string, value: string]>,
) {
  const { graph, forced, spec, jobs, keepGoing, json, beforeStop } = request;
  const { experiment, set, axis, only } = request;
  // Planned with a read-only store, so that errors are reported before anything is written.
  const planned = yield* plan(graph, project(), forced).pipe(Effect.provide(planning));
  const due = planned.nodes.filter(({ status }) => status !== "cached");
  const capacity = yield* capacityFor(
    due.map(({ node }) => node),
    jobs,
  );
  const overrides = { set, axis, only };
  const end = yield* run({
    plan: planned,
    spec,
    overrides,
    project: project(),
    capacity,
    keepGoing,
    beforeStop,
  }).pipe(
    Effect.tap(({ run: name, status }) =>
      json || status !== "done" ? Effect.void : printTables(numberedRun(name, planned)),
    ),
    Effect.provide(
      Layer.mergeAll(
        Store.layer(storeHome()),
        eventsLayer({
          json,
          again: runLine(experiment, [...flagsOf(overrides), ...bundle]),
          only: (node) =>
            runLine(experiment, [...flagsOf({ ...overrides, only: [node] }), ...bundle]),
        }),
      ),
    ),
  );
  if (!json) yield* Console.error(`report: npx pipe report ${shellWord(end.run)}`);
  if (end.status !== "done") return yield* new Exit({ code: 1 });
});

const importResults = Effect.fnUntraced(function* (file: string, json: boolean) {
  const bundle = yield* openBundleAt(file);
  const report = yield* importBundle(bundle).pipe(Effect.provide(Store.layer(storeHome())));
  if (!json) yield* Console.error(importText(bundle.top, report));
  return report;
}, Effect.scoped);

const importText = (
  name: string,
  { stored, known, incomplete, different }: ImportReport,
): string => {
  const parts = [
    `${plural(stored, "artifact")} imported`,
    ...(known > 0 ? [`${known} already in the store`] : []),
    ...(incomplete > 0 ? [`${incomplete} incomplete, because the bundle leaves files out`] : []),
    ...(different.length > 0
      ? [
          `${different.length} not imported, because the store has another result: ${different.map(printable).join(", ")}`,
        ]
      : []),
  ];
  return `${name}: ${parts.join(", ")}`;
};

/** From the plan in memory, so that the run's record is not read again. */
const numberedRun = (run: string, { nodes }: Plan): NumberedRun => ({
  run,
  nodes: nodes.map(({ node, recipe, found }) => ({
    node: node.name,
    kind: node.stage.output,
    recipe,
    ...(found === undefined ? {} : { cached: found.artifact }),
  })),
});
