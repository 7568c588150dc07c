/**
 * Copies out of the store what a page stands on: the numbers as `pipe table --json` says them, and the lines they follow from,
 * which the records of the store lead to. Weights, pictures and transcripts are not needed, and may be gone.
 */
import { Effect, Schema } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { Index } from "../../cache/Index.ts";
import { Store } from "../../cache/Store.ts";
import { artifactIn, runNames } from "../../pipelines/RunHistory.ts";
import { readRunPlan, type RunPlan } from "../../pipelines/RunRecord.ts";
import { Correlations } from "../../schemas/Correlation.ts";
import { digestBytes } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { ScoreLine } from "../../schemas/ScoreLine.ts";
import { eachRollout } from "../../stages/rolloutLines.ts";
import {
  type CurveLine,
  type ExampleLine,
  type Labels,
  packLines,
  type RolloutLine,
} from "./Evidence.ts";
import type { Study } from "./Study.ts";

const pipe = path.join(import.meta.dirname, "../../bin/pipe");

/** Writes the files of the latest run of an experiment into a directory, and says which run that was. */
export const collect = Effect.fnUntraced(function* (
  experiment: string,
  study: Study,
  directory: string,
) {
  const { home, query } = yield* Store;
  const plan = latestRun(home, experiment);
  const said = execFileSync(pipe, ["table", plan.run, "--json"], {
    encoding: "utf8",
    env: { ...process.env, PIPE_HOME: home },
  });
  const written = said
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { readonly node: string });
  const store = yield* query((index) => new RunStore(home, plan, index));
  for (const numbers of written) {
    const file = (kind: string) => path.join(directory, `${numbers.node}.${kind}`);
    fs.writeFileSync(file("json"), `${JSON.stringify(numbers, null, 2)}\n`);
    if ("table" in numbers) {
      const lines = yield* query(() => exampleLines(store, numbers.node));
      fs.writeFileSync(file("scores.jsonl.gz"), packLines(lines));
    } else if ("correlations" in numbers) {
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

/** A run's nodes, and the files that they were made from. */
class RunStore {
  readonly nodes: RunPlan["nodes"];
  readonly #home: string;
  readonly #run: string;
  readonly #index: Index;

  constructor(home: string, { run, nodes }: RunPlan, index: Index) {
    this.nodes = nodes;
    this.#home = home;
    this.#run = run;
    this.#index = index;
  }

  /** What a node was made from, by the record of its making. */
  elementsOf(name: string, input: string): ReadonlyArray<Element> {
    const node = this.nodes.find((each) => each.node === name);
    const digest = node && artifactIn(this.#home, this.#run, node);
    const actions = digest === undefined ? [] : this.#index.actionsOf(digest);
    const action = actions.find(({ recipe }) => recipe === node?.recipe) ?? actions[0];
    if (action === undefined) throw new Error(`the store does not say what ${name} was made from`);
    const from = recordedParts(action.keyParts).inputs[input] ?? [];
    return typeof from === "string"
      ? [{ labels: {}, directory: this.#directoryOf(from) }]
      : from.map(({ labels, identity }) => ({ labels, directory: this.#directoryOf(identity) }));
  }

  /** Every point of a stage of the experiment. */
  pointsOf(stageName: string): ReadonlyArray<Element> {
    return this.nodes.flatMap((node) => {
      const digest = artifactIn(this.#home, this.#run, node);
      if (node.stageName !== stageName || digest === undefined) return [];
      return [{ labels: node.labels, directory: this.#directoryOf(digest) }];
    });
  }

  /** The path of a file of an artifact; throws where it is not what was stored. */
  file({ directory }: Element, names: ReadonlyArray<string>): string {
    const files = this.#index.artifact(path.basename(directory))?.files ?? [];
    const stored = files.find((each) => names.includes(each.path));
    const file = path.join(directory, stored?.path ?? names[0] ?? "");
    if (stored === undefined || !fs.existsSync(file))
      throw new Error(`${file} is not in the store; bring it, or run the study again`);
    if (digestBytes(fs.readFileSync(file)) !== stored.sha256)
      throw new Error(`${file} is not what was stored; \`pipe fsck\` says more`);
    return file;
  }

  #directoryOf(digest: string): string {
    return path.join(this.#home, "trees", digest);
  }
}

const linesOf = (file: string): ReadonlyArray<string> =>
  fs
    .readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");

const decodeScore = Schema.decodeUnknownSync(Schema.fromJsonString(ScoreLine));
const bit = (is: boolean): 0 | 1 => (is ? 1 : 0);

/** Point by point in the order of the table, example by example as they were scored. */
const exampleLines = (store: RunStore, node: string): ReadonlyArray<ExampleLine> =>
  store.elementsOf(node, "scores").flatMap((element) => {
    const scores = linesOf(store.file(element, ["scores.jsonl"])).map((line) => decodeScore(line));
    const forced = new Map(
      scores.filter(({ mode }) => mode === "counterfactual").map((score) => [score.id, score]),
    );
    return scores
      .filter(({ mode }) => mode === "end-to-end")
      .map(({ id, outcome, perception, perception_f1: f1, reason }): ExampleLine => ({
        labels: element.labels,
        id,
        a: bit(outcome),
        a_p: bit(perception),
        a_r: bit(forced.get(id)?.outcome === true),
        f1,
        reason,
      }));
  });

const rolloutLines = async (
  store: RunStore,
  node: string,
  points: Correlations["points"],
  signal: AbortSignal,
): Promise<ReadonlyArray<RolloutLine>> => {
  const lines = new Map<string, RolloutLine>();
  for (const [place, element] of store.elementsOf(node, "rollouts").entries()) {
    const { labels } = element;
    // The correlations may be of some of a training's steps.
    const steps = points[place]?.steps ?? { first: 0, last: Number.MAX_SAFE_INTEGER };
    store.file(element, ["rollouts.jsonl", "rollouts.jsonl.gz"]);
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

/** The metrics that figures show, by the stage that they are of. */
const curvesOf = ({ figures }: Study): ReadonlyMap<string, ReadonlySet<string>> => {
  const values = new Map<string, Set<string>>();
  for (const figure of Object.values(figures)) {
    if (figure.show !== "curves") continue;
    const shown = values.get(figure.of) ?? new Set();
    values.set(figure.of, shown);
    for (const value of Object.keys(figure.values)) shown.add(value);
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
    linesOf(store.file(element, ["metrics.jsonl"])).map((line): CurveLine => {
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
