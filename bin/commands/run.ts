import { Console, Effect, Layer, Option } from "effect";
import { Command, Flag } from "effect/cli";
import { importBundle, type ImportReport } from "../../bundle/importBundle.ts";
import { recordedPython, recordedSources } from "../../bundle/replay.ts";
import { shown } from "../../bundle/shown.ts";
import { Store } from "../../cache/Store.ts";
import type { StoreTrouble } from "../../cache/StoreTrouble.ts";
import { Local } from "../../executors/Local.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { roomFor } from "../../pipelines/capacity.ts";
import type { Graph, Node } from "../../pipelines/Compile.ts";
import { type Plan, plan } from "../../pipelines/Plan.ts";
import { run } from "../../pipelines/Run.ts";
import { Exit } from "../UsageError.ts";
import { eventsLayer } from "../view/eventsLayer.ts";
import { runLine } from "../../pipelines/commandLine.ts";
import { plural } from "../view/format.ts";
import { openedBundle } from "./openedBundle.ts";
import { choose, type LoadedSpec, loadSpec, project, storeHome } from "./project.ts";
import { choiceFlags, jobsFlag, jsonFlag, overrideFlags, specArgument } from "./specFlags.ts";
import { printTables, type TableRun } from "./table.ts";

/** Built together, so that they share one supervisor. */
const machinery = Layer.mergeAll(Local.layer, PythonEnvironment.layer);

const fromBundleFlag = Flag.String("from-bundle").pipe(
  Flag.optional,
  Flag.withDescription(
    "first take what a bundle holds into the store, after its bytes and structure are verified",
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
      Flag.withDescription("after a failure, finish all that does not depend on it"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe run")(function* ({ fromBundle, ...options }) {
    const { experiment, set, axis, only, force } = options;
    const { graph: whole, spec } = yield* loadSpec(experiment, { set, axis });
    const chosen = yield* choose(whole, { only, force });
    const making = { ...options, ...chosen, spec };
    const home = Store.layerReadOnly(storeHome());
    if (Option.isNone(fromBundle)) return yield* makeDue(making, home, []);
    const { recorded } = yield* takeIn(fromBundle.value, options.json);
    const planning = Layer.provide(recordedSources(recorded, project()), home);
    yield* makeDue(making, planning, [`--from-bundle ${fromBundle.value}`]).pipe(
      Effect.provide(recordedPython(recorded)),
    );
  }, Effect.provide(machinery)),
).pipe(
  Command.withDescription("Make what an experiment asks for and is not there yet"),
  Command.withExamples([
    {
      command: "pipe run experiments/sft-lambda.yaml",
      description: "the main study, on two cores",
    },
    {
      command: "pipe run experiment.yaml --from-bundle study.tar.gz",
      description: "only what a bundle does not hold",
    },
  ]),
);

interface Making {
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
}

/** `planning` is the store as it is; `bundle` the flag that names a bundle, where there is one. */
const makeDue = Effect.fnUntraced(function* (
  { graph, forced, spec, jobs, keepGoing, json, experiment, set, axis, only }: Making,
  planning: Layer.Layer<Store, StoreTrouble>,
  bundle: ReadonlyArray<string>,
) {
  // The plan is made before the store is touched: what is wrong is said while nothing is written yet.
  const planned = yield* plan(graph, project(), forced).pipe(Effect.provide(planning));
  const due = planned.nodes.filter(({ status }) => status !== "cached");
  const capacity = yield* roomFor(
    due.map(({ node }) => node),
    jobs,
  );
  const edits = [...set.map((edit) => `--set ${edit}`), ...axis.map((edit) => `--axis ${edit}`)];
  const overrides = [...edits, ...only.map((name) => `--only ${name}`)];
  const end = yield* run({
    plan: planned,
    spec,
    overrides,
    project: project(),
    capacity,
    keepGoing,
  }).pipe(
    Effect.tap(({ run: name, status }) =>
      json || status !== "done" ? Effect.void : printTables(tableRun(name, planned)),
    ),
    Effect.provide(
      Layer.mergeAll(
        Store.layer(storeHome()),
        eventsLayer({
          json,
          again: runLine(experiment, [...overrides, ...bundle]),
          only: (node) => runLine(experiment, [...edits, `--only ${node}`, ...bundle]),
        }),
      ),
    ),
  );
  if (end.status !== "done") return yield* new Exit({ code: 1 });
});

/** What the bundle holds is in the store from here on. */
const takeIn = Effect.fnUntraced(function* (named: string, json: boolean) {
  const bundle = yield* openedBundle(named);
  const report = yield* importBundle(bundle).pipe(Effect.provide(Store.layer(storeHome())));
  if (!json) yield* Console.error(importText(bundle.top, report));
  return report;
}, Effect.scoped);

const importText = (
  name: string,
  { stored, known, incomplete, different }: ImportReport,
): string => {
  const parts = [
    `${plural(stored, "artifact")} taken in`,
    ...(known > 0 ? [`${known} known`] : []),
    ...(incomplete > 0 ? [`${incomplete} without the files that it leaves out`] : []),
    ...(different.length > 0
      ? [
          `${different.length} with another answer here, which stays: ${different.map(shown).join(", ")}`,
        ]
      : []),
  ];
  return `${name}: ${parts.join(", ")}`;
};

/** The plan is at hand; the run's own record of it need not be read again. */
const tableRun = (run: string, { nodes }: Plan): TableRun => ({
  run,
  nodes: nodes.map(({ node, recipe, found }) => ({
    node: node.name,
    kind: node.stage.output,
    recipe,
    ...(found === undefined ? {} : { cached: found.artifact }),
  })),
});
