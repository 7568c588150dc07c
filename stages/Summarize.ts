/** Stage `summarize`: a, a_p and a_r of every point with n and Wilson intervals, and pooled over the seeds. */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { ScoreLine } from "../schemas/ScoreLine.ts";
import type { Table, TableRow } from "../schemas/Table.ts";
import { accuracies } from "../stats/accuracies.ts";
import { lines } from "./jsonLines.ts";
import { modelDescription } from "./modelDescription.ts";
import { type FanInElement, many, stage } from "./Stage.ts";
import { tableCsv } from "./tableCsv.ts";

const decodeScore = Schema.decodeUnknownSync(Schema.fromJsonString(ScoreLine));

const Params = Schema.Struct({
  pool: Schema.optionalKey(
    Schema.Array(Schema.String).annotate({
      description: "axes whose points are added up in the pooled rows; by default `seed`",
    }),
  ),
});

const defaultPool: ReadonlyArray<string> = ["seed"];

export const Summarize = stage({
  name: "summarize",
  version: 1,
  summary: "tabulates scores point by point and pooled, with intervals",
  params: Params,
  inputs: { scores: { kinds: ["scores"], many: true } },
  output: "table",
  check: ({ pool = [] }, { axes }) =>
    pool.flatMap((name, index) =>
      axes.includes(name)
        ? []
        : [{ path: ["pool", index], what: "axis of the scores", name, valid: axes }],
    ),
  run: Effect.fnUntraced(function* ({ params, inputs, output }) {
    const table = yield* Effect.sync(() =>
      tabulate(many(inputs, "scores"), params.pool ?? defaultPool),
    );
    fs.writeFileSync(path.join(output, "table.json"), `${JSON.stringify(table, null, 2)}\n`);
    fs.writeFileSync(path.join(output, "table.csv"), tableCsv(table));
    return { summary: { rows: table.rows.length, pooled: table.pooled.length } };
  }),
});

interface Point {
  readonly labels: Readonly<Record<string, string>>;
  readonly scores: ReadonlyArray<ScoreLine>;
}

const tabulate = (elements: ReadonlyArray<FanInElement>, pool: ReadonlyArray<string>): Table => {
  const points = elements.map(({ labels, directory }): Point => ({
    labels,
    scores: lines(path.join(directory, "scores.jsonl")).map((line) => decodeScore(line)),
  }));
  const axes = Object.keys(points[0]?.labels ?? {});
  const pooledOver = axes.filter((axis) => pool.includes(axis));
  const groups = new Map<string, Array<Point>>();
  for (const point of points) {
    const labels = Object.fromEntries(
      Object.entries(point.labels).filter(([axis]) => !pool.includes(axis)),
    );
    const key = JSON.stringify(labels);
    groups.set(key, [...(groups.get(key) ?? []), { ...point, labels }]);
  }
  return {
    format: 1,
    models: [...new Set(elements.flatMap(({ directory }) => modelDescription(directory)))],
    interval: "Wilson 95 %",
    axes,
    pooledOver,
    rows: points.map((point) => row(point.labels, [point])),
    pooled:
      pooledOver.length === 0
        ? []
        : [...groups.values()].map((group) => row(group[0]?.labels ?? {}, group)),
  };
};

const row = (labels: Point["labels"], points: ReadonlyArray<Point>): TableRow => {
  const scores = points.flatMap((point) => point.scores);
  const seen = scores.filter((score) => score.mode === "end-to-end");
  const reasons: Record<string, number> = {};
  for (const { reason } of seen) if (reason !== null) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    labels,
    points: points.length,
    ...accuracies(scores),
    perception_f1:
      seen.length === 0
        ? null
        : seen.reduce((sum, score) => sum + score.perception_f1, 0) / seen.length,
    reasons: Object.fromEntries(Object.entries(reasons).sort(([, one], [, other]) => other - one)),
  };
};
