import { Clock, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { readScores, scoresFile } from "../../kinds/Scores.ts";
import { readTable } from "../../kinds/TableFile.ts";
import { Store } from "../../cache/Store.ts";
import { runDifference } from "../../pipelines/history/RunDifference.ts";
import { readSide, type RunSide } from "../../pipelines/history/RunSide.ts";
import { pairedRows, type ScoresPair } from "../../pipelines/history/pairedRows.ts";
import { toJson } from "../../pipelines/experiment/Located.ts";
import { specDifferences, type SpecDifference } from "../../pipelines/history/specDifference.ts";
import { tableDifference } from "../../pipelines/history/tableDifference.ts";
import { stages } from "../../stages/stages.ts";
import { type Diff, diffText } from "../view/diffText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { styleFor } from "../view/style.ts";
import { terminalWidth } from "../view/terminalWidth.ts";
import { placeJson } from "../view/whyJson.ts";
import { printText } from "../view/printText.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";
import { findRun } from "./findRun.ts";

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
    else yield* printText(diffText(diff, styleFor(process.stdout), terminalWidth()));
  }),
).pipe(
  Command.withDescription(
    "Compare two runs: changed settings, first differing nodes, changed numbers",
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
  const paired = pairedRows(changedScores(old, now, store.directoryOf));
  return { old, now, ...spec, nodes, tables, paired } satisfies Diff;
});

/** The points whose scores differ, with their seeds that did not change: these belong to the mean. */
const changedScores = (
  old: RunSide,
  now: RunSide,
  directoryOf: (artifact: string) => string,
): ReadonlyArray<ScoresPair> => {
  const both = now.plan.nodes.flatMap(({ node, kind, stageName, labels }) => {
    const [before, after] = [old.artifacts.get(node), now.artifacts.get(node)];
    return kind !== "scores" || before === undefined || after === undefined
      ? []
      : [{ stageName, labels, before, after }];
  });
  const changed = new Set(
    both.flatMap(({ stageName, before, after }) => (before === after ? [] : [stageName])),
  );
  return both
    .filter(({ stageName }) => changed.has(stageName))
    .flatMap(({ stageName, labels, before, after }) => {
      const directories = [before, after].map(directoryOf);
      // `pipe gc` may have deleted one.
      if (!directories.every((each) => fs.existsSync(path.join(each, scoresFile)))) return [];
      const [first = [], second = []] = directories.map(readScores);
      return [{ stageName, labels, old: first, now: second }];
    });
};

const diffJson = ({ old, now, spec, nodes, tables, paired }: Diff) => ({
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
  paired,
});

const specJson = ({ path: at, old, new: now }: SpecDifference) => ({
  path: at,
  ...(old === undefined ? {} : { old: { value: toJson(old), at: placeJson(old.at) } }),
  ...(now === undefined ? {} : { new: { value: toJson(now), at: placeJson(now.at) } }),
});
