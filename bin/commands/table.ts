import { Console, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import path from "node:path";
import { fileName } from "../../cache/fileName.ts";
import { severalAnswers } from "../../cache/History.ts";
import { Store } from "../../cache/Store.ts";
import { nondeterministicNodes } from "../../pipelines/nondeterminism.ts";
import { artifactIn, runNames } from "../../pipelines/RunHistory.ts";
import { readRunPlan, type RunPlan } from "../../pipelines/RunRecord.ts";
import { numbersIn } from "../view/numbers.ts";
import { styleFor } from "../view/style.ts";
import { nondeterminismText } from "../view/tableText.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { jsonFlag } from "./specFlags.ts";

/** The run of that name; `latest` is the youngest whose plan can be read. */
export const findRun = Effect.fnUntraced(function* (name: string) {
  const home = storeHome();
  if (name !== "latest") {
    const plan = readRunPlan(home, name);
    return plan ?? (yield* noSuchRun(name));
  }
  for (const run of runNames(home).toReversed()) {
    const plan = readRunPlan(home, run);
    if (plan !== undefined) return plan;
    yield* Console.error(`${unreadablePlan(run)}; looking at the run before`);
  }
  return yield* noSuchRun(name);
});

const unreadablePlan = (run: string): string => `the plan of ${run} can't be read`;

const noSuchRun = (name: string): UsageError => {
  const runs = runNames(storeHome());
  if (runs.includes(name)) return new UsageError({ message: unreadablePlan(name) });
  return unknownNameError("run", name, runs.toReversed());
};

/** What is needed of a run to find its tables. */
export interface TableRun {
  readonly run: string;
  readonly nodes: ReadonlyArray<
    Pick<RunPlan["nodes"][number], "node" | "kind" | "recipe" | "cached">
  >;
}

/** The tables and other numbers that a run has made, with the node that each is from. */
const tablesOf = ({ run, nodes }: TableRun) =>
  nodes.flatMap(({ node, kind, cached }) => {
    const linked = path.join(storeHome(), "runs", run, "artifacts", fileName(node));
    // What was there before the run is not linked in long runs.
    const stored = path.join(storeHome(), "trees", cached ?? "");
    const numbers = numbersIn(kind, [linked, stored]);
    return numbers === undefined ? [] : [{ node, numbers }];
  });

const nondeterministicIn = Effect.fnUntraced(function* ({ run, nodes }: TableRun) {
  const store = yield* Store;
  const answers = yield* store.query(severalAnswers);
  return nondeterministicNodes(nodes, answers, (node) => artifactIn(store.home, run, node));
});

/**
 * The numbers of a run on stdout, and below them what of it can't be reproduced; without numbers that goes to stderr. Says
 * how many tables there are.
 */
export const printTables = Effect.fnUntraced(function* (run: TableRun) {
  const tables = tablesOf(run);
  for (const { node, numbers } of tables)
    yield* Console.log(numbers.text(`${run.run} · ${node}`, styleFor(process.stdout)));
  const nodes = yield* nondeterministicIn(run);
  if (nodes.length > 0 && tables.length > 0)
    yield* Console.log(nondeterminismText(nodes, run.run, styleFor(process.stdout)));
  else if (nodes.length > 0)
    yield* Console.error(nondeterminismText(nodes, run.run, styleFor(process.stderr)));
  return tables.length;
});

export const tableCommand = Command.make(
  "table",
  {
    run: Argument.String("run").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("a run's name; by default the latest"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe table")(function* ({ run, json }) {
    const plan = yield* findRun(run);
    const tables = yield* (json ? writeTables(plan) : printTables(plan)).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
    );
    if (tables === 0)
      return yield* new UsageError({ message: `the run ${plan.run} has made no table` });
  }),
).pipe(Command.withDescription("Print the numbers of a run"));

const writeTables = Effect.fnUntraced(function* (run: TableRun) {
  const nodes = yield* nondeterministicIn(run);
  const nondeterministic = nodes.length === 0 ? {} : { nondeterministic: nodes };
  const tables = tablesOf(run);
  for (const { node, numbers } of tables)
    process.stdout.write(jsonLine({ run: run.run, node, ...numbers.json, ...nondeterministic }));
  return tables.length;
});
