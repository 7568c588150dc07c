import { Clock, Console, Effect, Schema } from "effect";
import { Argument, Command } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { Store } from "../../cache/Store.ts";
import { runDifference } from "../../pipelines/RunDifference.ts";
import { readSide, type RunSide } from "../../pipelines/RunSide.ts";
import { toJson } from "../../pipelines/Source.ts";
import { specDifferences, type SpecDifference } from "../../pipelines/specDifference.ts";
import { tableDifference } from "../../pipelines/tableDifference.ts";
import { Table } from "../../schemas/Table.ts";
import { stages } from "../../stages/stages.ts";
import { type Diff, diffText } from "../view/diffText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { styleFor } from "../view/style.ts";
import { placeJson } from "../view/whyJson.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";
import { findRun } from "./table.ts";

const runArgument = (name: string) =>
  Argument.String(name).pipe(Argument.withDescription("a run's name, or `latest`"));

export const diffCommand = Command.make(
  "diff",
  { first: runArgument("run-a"), second: runArgument("run-b"), json: jsonFlag },
  Effect.fn("pipe diff")(function* ({ first, second, json }) {
    const now = yield* Clock.currentTimeMillis;
    const sideOf = Effect.fnUntraced(function* (run: string) {
      return readSide(storeHome(), yield* findRun(run), stages, now);
    });
    const diff = yield* compare(yield* sideOf(first), yield* sideOf(second)).pipe(
      Effect.provide(Store.layerReadOnly(storeHome())),
    );
    if (json) process.stdout.write(jsonLine(diffJson(diff)));
    else yield* Console.log(diffText(diff, styleFor(process.stdout)));
  }),
).pipe(
  Command.withDescription(
    "Compare two runs: what was asked otherwise, where they part, and how the numbers changed",
  ),
);

const compare = Effect.fnUntraced(function* (old: RunSide, now: RunSide) {
  const store = yield* Store;
  const nodes = yield* store.query((index) =>
    runDifference(old, now, (recipe, artifact) => {
      const row = index.byRecipe(recipe).find((each) => each.artifact === artifact);
      return row === undefined ? undefined : index.action(row.id);
    }),
  );
  const spec =
    old.spec === undefined || now.spec === undefined
      ? {}
      : { spec: specDifferences(old.spec, now.spec) };
  const tables = now.plan.nodes.flatMap(({ node, kind }) => {
    if (kind !== "table") return [];
    const [before, after] = [old, now].map(({ artifacts }) => {
      const artifact = artifacts.get(node);
      return artifact === undefined ? undefined : readTable(store.directoryOf(artifact));
    });
    if (before === undefined || after === undefined) return [];
    return [{ node, difference: tableDifference(before, after) }];
  });
  return { old, now, ...spec, nodes, tables } satisfies Diff;
});

const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));

/** Nothing where its files were collected. */
const readTable = (directory: string): Table | undefined => {
  const file = path.join(directory, "table.json");
  return fs.existsSync(file) ? decodeTable(fs.readFileSync(file, "utf8")) : undefined;
};

const diffJson = ({ old, now, spec, nodes, tables }: Diff) => ({
  old: { run: old.plan.run, state: old.state },
  new: { run: now.plan.run, state: now.state },
  spec: spec?.map(specJson) ?? null,
  ...nodes,
  onlyOld: nodes.onlyOld.map(({ node }) => node),
  onlyNew: nodes.onlyNew.map(({ node }) => node),
  failures: {
    old: Object.fromEntries(old.failures),
    new: Object.fromEntries(now.failures),
  },
  tables: tables.map(({ node, difference }) => ({ node, ...difference })),
});

const specJson = ({ path: at, old, new: now }: SpecDifference) => ({
  path: at,
  ...(old === undefined ? {} : { old: { value: toJson(old), at: placeJson(old.at) } }),
  ...(now === undefined ? {} : { new: { value: toJson(now), at: placeJson(now.at) } }),
});
