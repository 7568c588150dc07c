/** The answers of a run's models: verdicts, responses, and the examples that they answer. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import { eachRow, splitOfExample, splitsOf } from "../../kinds/Dataset.ts";
import { readPredictions } from "../../kinds/Predictions.ts";
import { readScores } from "../../kinds/Scores.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { inputDigests } from "../../schemas/KeyParts.ts";
import type { Example, Labels, ScoredPoint, SplitFacts } from "../ReportData.ts";
import { cleanPictures } from "./cleanPicture.ts";
import { orNothing } from "./orNothing.ts";

export interface ScoresNode {
  readonly node: string;
  readonly labels: Labels;
  readonly artifact: Digest;
}

/** A picture is stored once, however many models answer it. */
const keyOf = (dataset: Digest, id: string): string => `${dataset.slice(0, 12)}/${id}`;

/** The answers of one scored point; undefined where its files are gone. Its inputs are those of the action that made it. */
const readPoint = Effect.fnUntraced(function* ({ node, labels, artifact }: ScoresNode) {
  const { query, directoryOf } = yield* Store;
  const inputs = yield* query((index) =>
    inputDigests(index.actionsOf(artifact)[0]?.keyParts ?? {}).map((digest) => ({
      digest,
      kind: index.actionsOf(digest)[0]?.kind,
    })),
  );
  const scores = orNothing(() => readScores(directoryOf(artifact)));
  const dataset = inputs.find(({ kind }) => kind === "dataset")?.digest;
  if (scores === undefined || dataset === undefined) return undefined;
  const responses = new Map<string, string>();
  for (const { digest, kind } of inputs)
    if (kind === "predictions")
      for (const { mode, id, response } of orNothing(() => readPredictions(directoryOf(digest))) ??
        [])
        responses.set(`${mode} ${id}`, response);
  const answers = scores.map((score) => ({
    ...score,
    example: keyOf(dataset, score.id),
    response: responses.get(`${score.mode} ${score.id}`),
  }));
  return { dataset, point: { node, labels, answers } satisfies ScoredPoint };
});

/** The examples of a data set with these ids. */
const readExamples = Effect.fnUntraced(function* (dataset: Digest, ids: ReadonlySet<string>) {
  const { query, directoryOf } = yield* Store;
  const maker = yield* query((index) => index.actionsOf(dataset)[0]);
  const cleanOf = cleanPictures(maker);
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
      examples.push({ key, id, task, query, perception, picture, clean: cleanOf(row) });
      instances.add(perception);
    });
    const pictures = examples.length - before;
    facts.push({ dataset: dataset.slice(0, 12), split, pictures, instances: instances.size });
  }
  return { examples, facts };
});

/** The scored points of a run with their examples. */
export const readPoints = Effect.fnUntraced(function* (nodes: ReadonlyArray<ScoresNode>) {
  const found = (yield* Effect.forEach(nodes, readPoint)).filter((each) => each !== undefined);
  const examples: Array<Example> = [];
  const splits: Array<SplitFacts> = [];
  for (const [dataset, of] of Map.groupBy(found, (each) => each.dataset)) {
    const ids = new Set(of.flatMap(({ point }) => point.answers.map(({ id }) => id)));
    const read = yield* readExamples(dataset, ids);
    examples.push(...read.examples);
    splits.push(...read.facts);
  }
  return { points: found.map(({ point }) => point), examples, splits };
});
