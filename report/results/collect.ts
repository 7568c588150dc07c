/**
 * Copies the evidence of a page from the store: the numbers of `pipe table --json` and the lines that they are computed from.
 * Weights, pictures and transcripts are not needed.
 */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { Index } from "../../cache/Index.ts";
import { Store } from "../../cache/Store.ts";
import { treeDirectory } from "../../cache/Trees.ts";
import { artifactIn, runNames } from "../../pipelines/history/RunHistory.ts";
import { numbersAsJson } from "../../pipelines/history/runNumbers.ts";
import { readRunPlan, type RunPlan } from "../../pipelines/history/RunPlan.ts";
import { Correlations } from "../../kinds/CorrelationsFile.ts";
import { digestBytes } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { readScores, scoresFile } from "../../kinds/Scores.ts";
import { eachRollout, rolloutsFiles } from "../../kinds/Rollouts.ts";
import { readLines } from "../../kinds/jsonLines.ts";
import { metricsFile } from "../../kinds/Model.ts";
import {
  type CurveLine,
  type ExampleLine,
  type InstanceLine,
  type Labels,
  packLines,
  type RolloutLine,
} from "./Evidence.ts";
import type { Study } from "./Study.ts";

/** Writes the files of the latest run of an experiment into a directory. Returns the name of the run. */
export const collect = Effect.fnUntraced(function* (
  experiment: string,
  study: Study,
  directory: string,
) {
  const { home, query } = yield* Store;
  const plan = latestRun(home, experiment);
  const written = yield* numbersAsJson(plan);
  const store = yield* query((index) => new RunStore(home, plan, index));
  for (const numbers of written) {
    // A page shows no other kind, and its tests could not recompute it.
    if (!("table" in numbers || "correlations" in numbers)) continue;
    const file = (kind: string) => path.join(directory, `${numbers.node}.${kind}`);
    fs.writeFileSync(file("json"), `${JSON.stringify(numbers, null, 2)}\n`);
    if ("table" in numbers) {
      const lines = yield* query(() => exampleLines(store, numbers.node));
      fs.writeFileSync(file("scores.jsonl.gz"), packLines(lines));
      const instances = yield* query(() => instanceLines(store, numbers.node));
      if (instances.length > 0) fs.writeFileSync(file("instances.jsonl.gz"), packLines(instances));
    } else {
      const { points } = Schema.decodeUnknownSync(Correlations)(numbers.correlations);
      const lines = yield* Effect.promise((signal) =>
        rolloutLines(store, numbers.node, points, signal),
      );
      fs.writeFileSync(file("rollouts.jsonl.gz"), packLines(lines));
    }
  }
  for (const [stageName, values] of curvesOf(study)) {
    const lines = yield* query(() => curveLines(store, stageName, values));
    fs.writeFileSync(path.join(directory, `${stageName}.curves.jsonl.gz`), packLines(lines));
  }
  return plan.run;
});

const latestRun = (home: string, experiment: string): RunPlan => {
  for (const run of runNames(home).toReversed()) {
    const plan = readRunPlan(home, run);
    if (plan?.experiment === experiment) return plan;
  }
  throw new Error(
    `the store ${home} has no run of \`${experiment}\`; \`--tables\` makes the page from the tables that it has already`,
  );
};

interface Element {
  readonly labels: Labels;
  readonly directory: string;
}

/** The nodes of a run and their inputs. */
class RunStore {
  readonly nodes: RunPlan["nodes"];
  private readonly home: string;
  private readonly run: string;
  private readonly index: Index;

  constructor(home: string, { run, nodes }: RunPlan, index: Index) {
    this.nodes = nodes;
    this.home = home;
    this.run = run;
    this.index = index;
  }

  /** The artifacts of an input of a node, by its action. */
  elementsOf(name: string, input: string): ReadonlyArray<Element> {
    const node = this.nodes.find((each) => each.node === name);
    const digest = node && artifactIn(this.home, this.run, node);
    const actions = digest === undefined ? [] : this.index.actionsOf(digest);
    const action = actions.find(({ recipe }) => recipe === node?.recipe) ?? actions[0];
    if (action === undefined)
      throw new Error(`the store has no record of ${name}; run the study again`);
    const from = recordedParts(action.keyParts).inputs[input] ?? [];
    return typeof from === "string"
      ? [{ labels: {}, directory: this.directoryOf(from) }]
      : from.map(({ labels, identity }) => ({ labels, directory: this.directoryOf(identity) }));
  }

  /** The points of a stage of the experiment. */
  pointsOf(stageName: string): ReadonlyArray<Element> {
    return this.nodes.flatMap((node) => {
      const digest = artifactIn(this.home, this.run, node);
      if (node.stageName !== stageName || digest === undefined) return [];
      return [{ labels: node.labels, directory: this.directoryOf(digest) }];
    });
  }

  /** The path of a file of an artifact; throws where its bytes are not those that were stored. */
  check({ directory }: Element, names: ReadonlyArray<string>): string {
    const files = this.index.artifact(path.basename(directory))?.files ?? [];
    const stored = files.find((each) => names.includes(each.path));
    const file = path.join(directory, stored?.path ?? names[0] ?? "");
    if (stored === undefined || !fs.existsSync(file))
      throw new Error(`${file} is not in the store; run the study again`);
    if (digestBytes(fs.readFileSync(file)) !== stored.sha256)
      throw new Error(`${file} differs from the stored file; run \`pipe fsck\``);
    return file;
  }

  private directoryOf(digest: string): string {
    return treeDirectory(this.home, digest);
  }
}

const bit = (is: boolean): 0 | 1 => (is ? 1 : 0);

/** In the order of the table, then of the scores. */
const exampleLines = (store: RunStore, node: string): ReadonlyArray<ExampleLine> =>
  store.elementsOf(node, "scores").flatMap((element) => {
    store.check(element, [scoresFile]);
    const scores = readScores(element.directory);
    const forced = new Map(
      scores.filter(({ mode }) => mode === "counterfactual").map((score) => [score.id, score]),
    );
    return scores
      .filter(({ mode }) => mode === "end-to-end")
      .map(({ id, outcome, perception, perception_f1: f1, reason, errors }): ExampleLine => ({
        labels: element.labels,
        id,
        a: bit(outcome),
        a_p: bit(perception),
        a_r: bit(forced.get(id)?.outcome === true),
        f1,
        reason,
        ...(errors === undefined ? {} : { errors }),
      }));
  });

/** Empty where the scores do not name their instances. */
const instanceLines = (store: RunStore, node: string): ReadonlyArray<InstanceLine> => {
  const found = new Map<string, string>();
  for (const { directory } of store.elementsOf(node, "scores"))
    for (const { id, instance } of readScores(directory)) {
      if (instance === undefined) continue;
      if ((found.get(id) ?? instance) !== instance)
        throw new Error(`${id} of \`${node}\` shows one instance here and another there`);
      found.set(id, instance);
    }
  return [...found].map(([id, instance]) => ({ id, instance }));
};

const rolloutLines = async (
  store: RunStore,
  node: string,
  points: Correlations["points"],
  signal: AbortSignal,
): Promise<ReadonlyArray<RolloutLine>> => {
  const lines = new Map<string, RolloutLine>();
  for (const [place, element] of store.elementsOf(node, "rollouts").entries()) {
    const { labels } = element;
    // The correlations may cover only some steps of a training.
    const steps = points[place]?.steps ?? { first: 0, last: Number.MAX_SAFE_INTEGER };
    store.check(element, rolloutsFiles);
    await eachRollout(
      element.directory,
      ({ id, group, step, mode, rewards, ...rollout }) => {
        if (step < steps.first || step > steps.last) return;
        const outcome = bit(rollout.outcome);
        const perception = bit(rollout.perception);
        const consistent = bit(rollout.consistent);
        const line = { labels, id, group, step, mode, outcome, perception, consistent, rewards };
        const key = JSON.stringify(line);
        lines.set(key, { ...line, times: (lines.get(key)?.times ?? 0) + 1 });
      },
      signal,
    );
  }
  return [...lines.values()];
};

/** The metrics of the tables and figures, by stage. */
const curvesOf = ({ tables, figures }: Study): ReadonlyMap<string, ReadonlySet<string>> => {
  const values = new Map<string, Set<string>>();
  for (const part of [...Object.values(figures), ...Object.values(tables)]) {
    if (!("values" in part)) continue;
    const shown = values.get(part.of) ?? new Set();
    values.set(part.of, shown);
    for (const value of Object.keys(part.values)) shown.add(value);
  }
  return values;
};

const decodeMetrics = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)),
);

const curveLines = (
  store: RunStore,
  stageName: string,
  values: ReadonlySet<string>,
): ReadonlyArray<CurveLine> =>
  store.pointsOf(stageName).flatMap((element) =>
    readLines(store.check(element, [metricsFile])).map((line): CurveLine => {
      const metrics = decodeMetrics(line);
      const shown = [...values].flatMap((name) => {
        const value = metrics[name];
        return typeof value === "number" ? [[name, value] as const] : [];
      });
      return {
        labels: element.labels,
        step: Number(metrics["step"]),
        values: Object.fromEntries(shown),
      };
    }),
  );
