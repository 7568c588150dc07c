import { Console, Effect, Schema } from "effect";
import { Argument, Command } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { fileName } from "../../cache/fileName.ts";
import { listRuns, readRunPlan, type RunPlan } from "../../pipelines/RunRecord.ts";
import { unknownName } from "../../schemas/Diagnostic.ts";
import { Table } from "../../schemas/Table.ts";
import { styleFor } from "../view/style.ts";
import { tableText } from "../view/tableText.ts";
import { UsageError } from "../UsageError.ts";
import { storeHome } from "./project.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { jsonFlag } from "./specFlags.ts";

const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));

/** The run of that name; `latest` is the youngest. */
export const findRun = Effect.fnUntraced(function* (name: string) {
  const runs = listRuns(storeHome());
  const run = name === "latest" ? runs.at(-1) : name;
  const plan = run === undefined ? undefined : readRunPlan(storeHome(), run);
  if (plan !== undefined) return plan;
  const { message, expected, suggestion } = unknownName("run", name, runs);
  return yield* new UsageError({
    message: [message, expected, suggestion].filter((part) => part !== undefined).join("; "),
  });
});

/** The tables that a run has made, with the node that each is from. */
const tablesOf = (plan: RunPlan) =>
  plan.nodes
    .filter((node) => node.kind === "table")
    .flatMap(({ node }) => {
      const file = path.join(
        storeHome(),
        "runs",
        plan.run,
        "artifacts",
        fileName(node),
        "table.json",
      );
      return fs.existsSync(file)
        ? [{ node, table: decodeTable(fs.readFileSync(file, "utf8")) }]
        : [];
    });

export const printTables = Effect.fnUntraced(function* (run: string) {
  const plan = yield* findRun(run);
  for (const { node, table } of tablesOf(plan)) {
    yield* Console.log(tableText(table, `${plan.run} · ${node}`, styleFor(process.stdout)));
  }
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
    const tables = tablesOf(plan);
    if (tables.length === 0)
      return yield* new UsageError({ message: `the run ${plan.run} has made no table` });
    if (json)
      for (const { node, table } of tables)
        process.stdout.write(jsonLine({ run: plan.run, node, table }));
    else yield* printTables(plan.run);
  }),
).pipe(Command.withDescription("Print the numbers of a run"));
