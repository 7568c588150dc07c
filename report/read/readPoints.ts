/** The answers of a run's models: verdicts, responses, and the examples that they answer. */
import { Effect } from "effect";
import { eachRow, splitOfExample, splitsOf } from "../../kinds/Dataset.ts";
import { readPredictions } from "../../kinds/Predictions.ts";
import { readScores, type ScoreLine } from "../../kinds/Scores.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { inputDigests } from "../../schemas/KeyParts.ts";
import type { Example, Labels, ScoredPoint, SplitFacts } from "../ReportData.ts";
import type { Artifacts } from "./Artifacts.ts";
import { orNothing } from "./orNothing.ts";

export interface ScoresNode {
  readonly node: string;
  readonly labels: Labels;
  readonly artifact: Digest;
}

/** A picture is stored once, however many models answer it. */
const keyOf = (dataset: Digest, id: string): string => `${dataset.slice(0, 12)}/${id}`;

interface ReadPoint {
  readonly node: string;
  readonly labels: Labels;
  readonly dataset: Digest;
  readonly scores: ReadonlyArray<ScoreLine>;
  /** By mode and id. */
  readonly responses: ReadonlyMap<string, string>;
}

/** Undefined where the files of the scores are gone. */
const readPoint = (
  { node, labels, artifact }: ScoresNode,
  { directoryOf, makerOf }: Artifacts,
): ReadPoint | undefined => {
  const inputs = inputDigests(makerOf(artifact)?.keyParts ?? {}).map((digest) => ({
    digest,
    kind: makerOf(digest)?.kind,
  }));
  const scores = orNothing(() => readScores(directoryOf(artifact)));
  const dataset = inputs.find(({ kind }) => kind === "dataset")?.digest;
  if (scores === undefined || dataset === undefined) return undefined;
  const responses = new Map<string, string>();
  for (const { digest, kind } of inputs)
    if (kind === "predictions")
      for (const { mode, id, response } of orNothing(() => readPredictions(directoryOf(digest))) ??
        [])
        responses.set(`${mode} ${id}`, response);
  return { node, labels, dataset, scores, responses };
};

/** The examples of a data set with these ids. */
const readExamples = Effect.fnUntraced(function* (
  dataset: Digest,
  ids: ReadonlySet<string>,
  { directoryOf, cleanOf }: Artifacts,
) {
  const clean = cleanOf(dataset);
  const directory = directoryOf(dataset);
  const examples: Array<Example> = [];
  const facts: Array<SplitFacts> = [];
  const present = new Set(orNothing(() => splitsOf(directory)) ?? []);
  for (const split of new Set([...ids].map(splitOfExample))) {
    if (!present.has(split)) continue;
    const instances = new Set<string>();
    const before = examples.length;
    yield* eachRow(directory, split, { images: true }, (row) => {
      const { id, task, query, perception, image } = row;
      if (!ids.has(id)) return;
      const picture = image.bytes;
      const key = keyOf(dataset, id);
      examples.push({ key, id, task, query, perception, picture, clean: clean(row) });
      instances.add(perception);
    });
    const pictures = examples.length - before;
    facts.push({ dataset: dataset.slice(0, 12), split, pictures, instances: instances.size });
  }
  return { examples, facts };
});

/** Scores of old versions lack the instances: pictures of the same instance have the same p*. */
const pointOf = (
  { node, labels, dataset, scores, responses }: ReadPoint,
  perceptionOf: ReadonlyMap<string, string>,
): ScoredPoint => ({
  node,
  labels,
  answers: scores.map((score) => ({
    ...score,
    instance: score.instance ?? perceptionOf.get(score.id) ?? score.id,
    example: keyOf(dataset, score.id),
    response: responses.get(`${score.mode} ${score.id}`),
  })),
});

/** The scored points of a run with their examples. */
export const readPoints = Effect.fnUntraced(function* (
  nodes: ReadonlyArray<ScoresNode>,
  artifacts: Artifacts,
) {
  const found = nodes.flatMap((node) => readPoint(node, artifacts) ?? []);
  const points = new Map<string, ScoredPoint>();
  const examples: Array<Example> = [];
  const splits: Array<SplitFacts> = [];
  for (const [dataset, of] of Map.groupBy(found, (each) => each.dataset)) {
    const ids = new Set(of.flatMap(({ scores }) => scores.map(({ id }) => id)));
    const read = yield* readExamples(dataset, ids, artifacts);
    const perceptionOf = new Map(read.examples.map(({ id, perception }) => [id, perception]));
    for (const point of of) points.set(point.node, pointOf(point, perceptionOf));
    examples.push(...read.examples);
    splits.push(...read.facts);
  }
  return { points: found.map(({ node }) => points.get(node)!), examples, splits };
});
