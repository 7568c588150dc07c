/** Splits the scores of a point into buckets of instances by their difficulty. */
import { Effect } from "effect";
import { readTruths, splitOfExample, splitsOf } from "../kinds/Dataset.ts";
import { difficultyAxis } from "../kinds/TableFile.ts";
import { difficultyOf } from "../tasks/difficultyOf.ts";
import type { ScoredPoint } from "./contrasts.ts";
import { StageFailed } from "./StageRun.ts";

/** The difficulty of every example that the points answer, by id. */
const difficulties = Effect.fnUntraced(function* (
  points: ReadonlyArray<ScoredPoint>,
  data: string,
) {
  const ids = points.flatMap(({ scores }) => scores.map(({ id }) => id));
  const there = splitsOf(data);
  const found = new Map<string, number>();
  for (const split of new Set(ids.map(splitOfExample)))
    if (split !== undefined && there.includes(split))
      for (const [id, { task, ground_truth }] of yield* readTruths(data, split))
        found.set(id, difficultyOf(task, ground_truth));
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined)
    return yield* new StageFailed({
      message: `${missing} is no example of the input \`data\``,
      fix: "give the data set that the scores are about, and fan in over axes that it does not vary with: { all: scores, over: [seed] }",
    });
  return found;
});

/** The points of each bucket that has examples, with its label; `bounds` rise. */
export const bucketsOf = Effect.fnUntraced(function* (
  points: ReadonlyArray<ScoredPoint>,
  data: string,
  bounds: ReadonlyArray<number>,
) {
  const found = yield* difficulties(points, data);
  const bucketOf = (id: string) => bounds.findIndex((bound) => found.get(id)! <= bound);
  const places = [...bounds.keys(), -1];
  return points.flatMap(({ labels, scores }) =>
    places.flatMap((place): ReadonlyArray<ScoredPoint> => {
      const own = scores.filter(({ id }) => bucketOf(id) === place);
      if (own.length === 0) return [];
      return [{ labels: { ...labels, [difficultyAxis]: bucketName(bounds, place) }, scores: own }];
    }),
  );
});

const bucketName = (bounds: ReadonlyArray<number>, place: number): string => {
  if (place < 0) return `${bounds.at(-1)! + 1} on`;
  const bound = bounds[place]!;
  const before = bounds[place - 1];
  if (before === undefined) return `to ${bound}`;
  return before + 1 === bound ? `${bound}` : `${before + 1} to ${bound}`;
};
