/** Counts the scores and writes the table. */
import { Effect } from "effect";
import { readScores, type ScoreLine } from "../kinds/Scores.ts";
import { type Errors, type Table, type TableRow, writeTable } from "../kinds/TableFile.ts";
import { accuracies } from "../stats/accuracies.ts";
import { contrastsOf, type ScoredPoint } from "./contrasts.ts";
import { type FanInElement, fanIn, singleInput, stageRun } from "./StageRun.ts";
import { bucketsOf } from "./difficultyBuckets.ts";
import { defaultPool, poolingOf } from "./pooling.ts";
import { type Compare, Summarize } from "./Summarize.ts";

export const summarizeRun = stageRun(
  Summarize,
  Effect.fnUntraced(function* ({ params, inputs, output }) {
    const { pool = defaultPool, compare, difficulty } = params;
    const whole = yield* Effect.sync(() => fanIn(inputs, "scores").map(scoredPoint));
    const points =
      difficulty === undefined
        ? whole
        : yield* bucketsOf(whole, singleInput(inputs, "data").directory, difficulty);
    const table = yield* Effect.sync(() => tabulate(points, pool, compare));
    writeTable(output, table);
    return { summary: { rows: table.rows.length, pooled: table.pooled.length } };
  }),
);

const scoredPoint = ({ labels, directory }: FanInElement): ScoredPoint => ({
  labels,
  scores: readScores(directory),
});

const tabulate = (
  points: ReadonlyArray<ScoredPoint>,
  pool: ReadonlyArray<string>,
  compare: Compare | undefined,
): Table => {
  const { axes, pooledOver, groups } = poolingOf(points, pool);
  return {
    format: 2,
    interval: "clustered Wilson 95 %",
    axes,
    pooledOver,
    rows: points.map((point) => row(point.labels, [point])),
    pooled: groups.map((group) => row(group.labels, group.points)),
    ...(compare === undefined ? {} : { contrasts: contrastsOf(points, pool, compare) }),
  };
};

const row = (labels: ScoredPoint["labels"], points: ReadonlyArray<ScoredPoint>): TableRow => {
  const runs = points.map(({ scores }) => scores);
  const seen = runs.flat().filter((score) => score.mode === "end-to-end");
  const reasons: Record<string, number> = {};
  for (const { reason } of seen) if (reason !== null) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    labels,
    points: points.length,
    ...accuracies(runs),
    perception_f1:
      seen.length === 0
        ? null
        : seen.reduce((sum, score) => sum + score.perception_f1, 0) / seen.length,
    reasons: Object.fromEntries(Object.entries(reasons).sort(([, one], [, other]) => other - one)),
    errors: errorsOf(seen),
  };
};

const unreadable: ReadonlySet<string> = new Set([
  "no-caption",
  "no-answer",
  "bad-json",
  "bad-caption",
  "bad-answer",
  "wrong-size",
]);

/** Null where a line does not say how its caption differs from p*. */
const errorsOf = (seen: ReadonlyArray<ScoreLine>): Errors | null => {
  if (seen.some(({ errors }) => errors === undefined)) return null;
  const withError = (kind: "extra" | "missing" | "wrong") => {
    const found = seen.filter(({ errors }) => (errors?.[kind] ?? 0) > 0);
    const harmless = found.filter(({ outcome }) => outcome).length;
    return { harmless, fatal: found.length - harmless };
  };
  return {
    extra: withError("extra"),
    missing: withError("missing"),
    wrong: withError("wrong"),
    reasoning: seen.filter(({ outcome, perception }) => perception && !outcome).length,
    truncated: seen.filter(({ reason }) => reason === "truncated").length,
    unreadable: seen.filter(({ reason }) => reason !== null && unreadable.has(reason)).length,
  };
};
