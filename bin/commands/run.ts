import { Effect, Layer } from "effect";
import { Command, Flag } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { Local } from "../../executors/Local.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { roomFor } from "../../pipelines/capacity.ts";
import { type Plan, plan } from "../../pipelines/Plan.ts";
import { run } from "../../pipelines/Run.ts";
import { Exit } from "../UsageError.ts";
import { eventsLayer } from "../view/eventsLayer.ts";
import { shellWord } from "../view/format.ts";
import { choose, loadSpec, project, storeHome } from "./project.ts";
import { choiceFlags, jobsFlag, jsonFlag, overrideFlags, specArgument } from "./specFlags.ts";
import { printTables, type TableRun } from "./table.ts";

/** Built together, so that they share one supervisor. */
const machinery = Layer.mergeAll(Local.layer, PythonEnvironment.layer);

export const runCommand = Command.make(
  "run",
  {
    experiment: specArgument,
    ...overrideFlags,
    ...choiceFlags,
    jobs: jobsFlag,
    keepGoing: Flag.Boolean("keep-going").pipe(
      Flag.withAlias("k"),
      Flag.withDefault(false),
      Flag.withDescription("after a failure, finish all that does not depend on it"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe run")(function* ({ experiment, set, axis, only, force, jobs, keepGoing, json }) {
    const { graph: whole, spec } = yield* loadSpec(experiment, { set, axis });
    const { graph, forced } = yield* choose(whole, { only, force });
    const capacity = yield* roomFor(graph, jobs);
    // The plan is made before the store is touched: what is wrong is said while nothing is written yet.
    const planned = yield* plan(graph, project(), forced).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
    );
    const edits = [...set.map((edit) => `--set ${edit}`), ...axis.map((edit) => `--axis ${edit}`)];
    const overrides = [...edits, ...only.map((name) => `--only ${name}`)];
    const command = (flags: ReadonlyArray<string>) =>
      ["npx pipe run", shellWord(experiment), ...flags.map(shellFlag)].join(" ");
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
            again: command(overrides),
            only: (node) => command([...edits, `--only ${node}`]),
          }),
        ),
      ),
    );
    if (end.status !== "done") return yield* new Exit({ code: 1 });
  }, Effect.provide(machinery)),
).pipe(
  Command.withDescription("Make what an experiment asks for and is not there yet"),
  Command.withExamples([
    {
      command: "pipe run experiments/sft-lambda.yaml",
      description: "the main study, on two cores",
    },
  ]),
);

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

const shellFlag = (edit: string): string => {
  const [flag = "", ...rest] = edit.split(" ");
  return `${flag} ${shellWord(rest.join(" "))}`;
};
